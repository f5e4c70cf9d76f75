/** Why a command cannot go on: a sentence, and the next command to type. */
export class StopSentence extends Error {
  readonly hint: string;
  constructor(sentence: string, hint: string) {
    super(sentence);
    this.hint = hint;
  }
}
