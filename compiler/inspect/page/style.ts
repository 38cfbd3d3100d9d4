/** The CSS that the page has beside that of every page. */
export const css = `header,nav,main{max-width:1480px}
.lead{max-width:110ch}
.explorer{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1fr);gap:1rem}
@media (max-width:60rem){.explorer{grid-template-columns:minmax(0,1fr)}}
.pane{display:flex;flex-direction:column;height:clamp(20rem,54vh,38rem);background:var(--card);border:1px solid var(--line);border-radius:10px;overflow:hidden}
.scroller{flex:1;overflow:auto}
.tabs,.tools{display:flex;flex-wrap:wrap;align-items:center;gap:.2rem .3rem;padding:.4rem .6rem;border-bottom:1px solid var(--line)}
.tools{gap:.4rem 1.2rem}
.tools.card{display:inline-flex;border:1px solid var(--line);margin-bottom:.6rem}
.tools label{color:var(--soft);font-size:.87rem}
fieldset{display:flex;gap:.9rem;margin:0;padding:0;border:0}
input[type=search],select{font:inherit;font-size:.87rem;color:var(--ink);background:var(--paper);border:1px solid var(--rule);border-radius:6px;padding:.15rem .5rem}
input[type=radio]{accent-color:var(--accent)}
.tabs button{font:inherit;font-size:.84rem;color:var(--soft);background:none;border:0;border-radius:6px;padding:.2rem .6rem;cursor:pointer}
.tabs button[aria-selected=true]{color:var(--ink);background:var(--line)}
.source{padding:.4rem 0;font-size:.8rem;line-height:1.55}
.script .source:not(.shown){display:none}
.line{display:grid;grid-template-columns:2.6rem 2.4rem minmax(0,1fr);align-items:baseline;padding-right:.8rem;color:inherit;text-decoration:none}
a.line:hover{background:var(--paper)}
.line .n{padding-right:.6rem;text-align:right;color:var(--faint);user-select:none}
.line code{white-space:pre-wrap;overflow-wrap:anywhere;padding-left:1.2em;text-indent:-1.2em;font-size:.95em}
div.line{opacity:.72}
.line.on{background:color-mix(in srgb,var(--accent) 18%,transparent)}
.line.via{background:color-mix(in srgb,var(--accent) 7%,transparent)}
.line:focus-visible{outline-offset:-2px}
i{font-style:normal}
i.comment{color:var(--faint)}
i.text{color:var(--c2)}
i.directive{color:var(--c3)}
i.keyword{color:var(--c4)}
i.type{color:var(--c5)}
i.number{color:var(--c1)}
.bar{vertical-align:middle}
.bar rect{fill:var(--line)}
.bar rect+rect{fill:var(--own,var(--c0))}
.c0{--own:var(--c0)}.c1{--own:var(--c1)}.c2{--own:var(--c2)}.c3{--own:var(--c3)}.c4{--own:var(--c4)}.c5{--own:var(--c5)}.c6{--own:var(--c6)}.c7{--own:var(--c7)}
.kernels{font-size:.84rem}
.kernels td,.kernels th{padding:.18rem .45rem;white-space:nowrap}
.kernels tbody th{max-width:17.5rem;overflow:hidden;text-overflow:ellipsis}
.kernels tbody tr{cursor:pointer}
.kernels tbody tr:hover{background:var(--paper)}
tr.on,.kernels tbody tr.on:hover{background:color-mix(in srgb,var(--accent) 16%,transparent)}
.kernels a{text-decoration:none}
a[data-k].on:not(.line){font-weight:600}
#details{margin-top:1rem}
.hint{color:var(--faint)}
.script article.kernel:not(.shown){display:none}
article.kernel{padding:.9rem 1.1rem 1.1rem;background:var(--card);border:1px solid var(--line);border-radius:10px;scroll-margin-top:3.5rem}
article.kernel+article.kernel{margin-top:1rem}
article h3{margin:0 0 .7rem}
article h3 small{font-weight:400;color:var(--faint)}
h4{margin:1rem 0 .35rem;font-size:.9rem;font-weight:600;color:var(--soft)}
.split{display:grid;grid-template-columns:minmax(0,1fr) minmax(0,1.15fr);gap:1.4rem}
.split>div:last-child h4{margin-top:0}
@media (max-width:60rem){.split{grid-template-columns:minmax(0,1fr)}}
.split pre{max-height:46rem;background:var(--paper);white-space:pre;overflow-wrap:normal}
.split pre code{font-size:.79rem}
.split .facts{background:var(--paper);grid-template-columns:repeat(auto-fill,minmax(11rem,1fr))}
.split table{font-size:.82rem}
.split .scroll{max-height:none}
.split pre.scroll{max-height:46rem}
.split td span{white-space:nowrap}
.split td a.code{white-space:normal;overflow-wrap:anywhere}
.chip{display:inline-block;width:.8rem;height:.8rem;border-radius:3px;margin-right:.5rem;background:var(--own)}
.lines,.sentences{margin:0;padding:0;list-style:none;font-size:.87rem}
.lines li{margin:.15rem 0;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.sentences li{margin:.25rem 0;padding-left:.9rem;text-indent:-.9rem}
.sentences li::before{content:"· ";color:var(--faint)}
small{color:var(--faint)}
.kinds{margin:.4rem 0 0;font-size:.87rem;color:var(--faint)}
.kinds .code{margin-right:.3rem;padding:.05rem .4rem;color:var(--soft);background:var(--paper);border-radius:5px}
.graphs{display:grid;grid-template-columns:minmax(0,1fr);gap:.6rem}
.graph summary{overflow-wrap:anywhere}
.split>div{min-width:0}
details.card{margin:0}
details.card summary{color:var(--ink);font-size:.95rem}
details.card summary span{color:var(--faint)}
.graph .scroll{max-height:46rem;margin-top:.6rem}
.flow{margin-inline:auto;overflow:hidden}
.flow a{text-decoration:none}
.flow .arcs path{stroke:var(--rule);stroke-width:1.2;opacity:.55}
.flow .arcs .inside{stroke:var(--c2);stroke-dasharray:2 3;opacity:.9}
.flow .ribbon{fill:var(--own);opacity:.13}
.flow .box rect{fill:var(--own);opacity:.16;stroke:var(--own);stroke-width:1}
.flow .op rect{fill:transparent}
.flow .op:hover rect,.flow .op:focus-visible rect{fill:var(--line)}
.flow .box:hover rect,.flow .box:focus-visible rect{opacity:.3}
.flow a:focus-visible{outline:2px solid var(--accent)}
.flow .box.on rect{opacity:.38}
.flow .box.on .ribbon{opacity:.3}
.flow .op.on text{font-weight:600}
.flow .arcs path.on{stroke:var(--accent);opacity:1;stroke-width:1.8}
.flow .arcs .inside.on{stroke:var(--c2)}
.arena .buffer{stroke:var(--card);stroke-width:.7;opacity:.8}
.arena a:hover .buffer{opacity:1;stroke:var(--ink)}
.arena.chosen a:not(.on) .buffer{opacity:.5}
.arena a.on .buffer{opacity:1;stroke:var(--ink);stroke-width:1.4}
.arena .stripe{opacity:.05}
.picture a.on .hover>g{display:inline}
.picture a.on:not(:hover):not(:focus-visible) .hover>g>:not(.ring){display:none}
.tables{display:grid;grid-template-columns:minmax(0,2fr) minmax(0,3fr);gap:1rem;margin-top:1rem}
@media (max-width:60rem){.tables{grid-template-columns:minmax(0,1fr)}}
.scroll.card{padding:0}
th.code,td a.code,td .code{overflow-wrap:normal;white-space:nowrap}
td:has(>a.code){line-height:1.7}
#refused{font-size:.86rem}
#refused td:nth-child(2){min-width:18rem}
@media print{.pane,.scroll{height:auto;max-height:none}}`;
