/** The style sheet of the page. It stands in the page itself, and its hash in the page's policy. */
export const PAGE_STYLE = `
:root{color-scheme:light dark;--ink:#1b1f24;--dim:#59636e;--line:#d8dee4;--bg:#fff;--soft:#f5f7f9;--link:#0a5bc4;--get:#0b6b3a;--post:#0a5bc4;--put:#8a5a00;--delete:#b3261e}
@media (prefers-color-scheme:dark){:root{--ink:#e3e7eb;--dim:#9aa4af;--line:#30363d;--bg:#0f1317;--soft:#171c22;--link:#7ab3f5;--get:#63c98f;--post:#7ab3f5;--put:#e0b25a;--delete:#f28b82}}
*{box-sizing:border-box}
body{margin:0;font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--bg);display:grid;grid-template-columns:17rem minmax(0,1fr)}
nav{position:sticky;top:0;height:100vh;overflow:auto;padding:1rem;border-right:1px solid var(--line);background:var(--soft);font-size:13px}
nav h2{font-size:13px;margin:1rem 0 .25rem}
nav ul{list-style:none;margin:0;padding:0}
main{padding:1rem 2rem 4rem;max-width:64rem}
a{color:var(--link);text-decoration:none}
a:hover{text-decoration:underline}
h1{margin:.5rem 0}
main h2{margin:3rem 0 .5rem;border-bottom:1px solid var(--line)}
h3{margin:2.5rem 0 .25rem;font-size:17px;overflow-wrap:anywhere}
h4{margin:1rem 0 .25rem;font-size:13px;color:var(--dim)}
h3 b{display:inline-block;min-width:4.2rem;font-size:13px}
.get{color:var(--get)}.post{color:var(--post)}.put{color:var(--put)}.delete{color:var(--delete)}
p{margin:.25rem 0}
code,pre{font:13px/1.45 ui-monospace,monospace}
pre{background:var(--soft);border:1px solid var(--line);border-radius:6px;padding:.6rem;overflow:auto;margin:.25rem 0;max-height:24rem}
table{border-collapse:collapse;width:100%;font-size:14px}
tr{border-top:1px solid var(--line)}
td{padding:.25rem .75rem .25rem 0;vertical-align:top;overflow-wrap:anywhere}
.f{table-layout:fixed}
.f td:first-child{width:30%;font:13px/1.6 ui-monospace,monospace}
.f td:nth-child(2){width:28%;color:var(--dim)}
td[rowspan]{width:40%}
i{color:var(--dim);font-size:13px;font-family:system-ui,sans-serif}
summary{cursor:pointer;color:var(--dim);font-size:13px}
@media (max-width:800px){body{display:block}nav{position:static;height:auto;border:0}main{padding:1rem}}
`;
