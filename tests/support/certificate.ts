/** A certificate of its own making for 127.0.0.1, by openssl. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type CertificateFiles = { readonly cert: string; readonly key: string };

/** @param name its subject, and the name of its files in `folder` */
export async function makeCertificate(folder: string, name: string): Promise<CertificateFiles> {
  const [cert, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1'];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'];
  await run('openssl', [...made, ...subject, '-keyout', key, '-out', cert]);
  return { cert, key };
}
