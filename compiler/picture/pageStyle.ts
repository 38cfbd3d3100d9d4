/** The CSS of pages. Colours are those of pictures. */
export const pageCss = `*{box-sizing:border-box}
html{scroll-behavior:smooth}
@media (prefers-reduced-motion:reduce){html{scroll-behavior:auto}}
body{margin:0;padding:0 clamp(1rem,4vw,2.5rem) 4rem;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;font-variant-numeric:tabular-nums}
header,nav,main{max-width:1200px;margin-inline:auto}
header{padding:2.2rem 0 .8rem}
h1{margin:0;font-size:1.7rem;line-height:1.2;letter-spacing:-.01em;overflow-wrap:anywhere}
header p{margin:.35rem 0 0;color:var(--soft)}
h2{margin:2.4rem 0 .6rem;font-size:1.2rem;line-height:1.3}
h3{margin:1.2rem 0 .4rem;font-size:1rem}
.lead{margin:-.3rem 0 .8rem;color:var(--soft);max-width:75ch}
a{color:var(--accent);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}
main:focus{outline:none}
.skip{position:absolute;left:-100vw}
.skip:focus{left:1rem;top:1rem;z-index:9;padding:.5rem 1rem;background:var(--card)}
nav{position:sticky;top:0;z-index:2;background:var(--paper);border-bottom:1px solid var(--line)}
nav ul{display:flex;flex-wrap:wrap;gap:.1rem 1.2rem;margin:0;padding:.5rem 0;list-style:none}
nav a{text-decoration:none}
nav a:hover{text-decoration:underline}
section{scroll-margin-top:3.5rem}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,31rem),1fr));gap:1rem}
figure,.card{margin:0;padding:.9rem 1rem 1rem;min-width:0;background:var(--card);border:1px solid var(--line);border-radius:10px}
figure.wide{grid-column:1/-1}
figure .picture{width:100%}
figcaption{display:flex;flex-wrap:wrap;gap:0 .8rem;align-items:baseline;margin-bottom:.5rem}
figcaption span{color:var(--faint);font-size:.87rem}
details{margin-top:.6rem;font-size:.87rem}
summary{color:var(--faint);cursor:pointer;width:fit-content}
.scroll{overflow:auto;max-height:32rem}
section>.scroll{background:var(--card);border:1px solid var(--line);border-radius:10px}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{padding:.32rem .7rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--line)}
th{font-weight:500}
thead th{position:sticky;top:0;background:var(--card);color:var(--faint);font-weight:500;white-space:nowrap}
tbody tr:last-child>*{border-bottom:0}
.number{text-align:right;white-space:nowrap}
.code,code,pre{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace;font-size:.86em;font-variant-ligatures:none}
.code{overflow-wrap:anywhere}
pre{margin:0;padding:.9rem 1rem;background:var(--card);border:1px solid var(--line);border-radius:10px;line-height:1.45;white-space:pre-wrap;overflow-wrap:anywhere}
pre code{font-size:.86rem}
dl,dd{margin:0}
.facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,17rem),1fr));gap:.55rem 1.5rem;padding:.9rem 1rem 1rem;background:var(--card);border:1px solid var(--line);border-radius:10px}
dt{color:var(--faint);font-size:.85rem}
.facts+.figures,.figures+.scroll{margin-top:1rem}
.facts dd{overflow-wrap:anywhere}
.headlines{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:1rem;margin:1.2rem 0 0}
.headlines>div{padding:.75rem 1rem;background:var(--card);border:1px solid var(--line);border-radius:10px}
.headlines dd{font-size:1.45rem;line-height:1.3;font-weight:600;letter-spacing:-.01em;overflow-wrap:anywhere}
.headlines .about{font-size:.85rem;font-weight:400;letter-spacing:0;color:var(--faint)}
@media print{nav,.skip,details:not([open]){display:none}body{background:#fff}figure,.card{break-inside:avoid}}`;
