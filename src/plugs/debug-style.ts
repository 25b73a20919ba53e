/** The style and the script of the debugger's page; both stand inside it. */

export const style = `
:root { color-scheme: light dark;
--page: #faf9f7; --card: #fff; --ink: #23211f; --soft: #66615b; --line: #e3dfd9; --fail: #a8231c; --fail-tint: #fbe9e6;
--accent: #6d3a78; --comment: #6f6a63; --text: #1f6b46; --word: #6d3a78; --number: #8a4b0f;
--sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
--mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace }
@media (prefers-color-scheme: dark) { :root {
--page: #18171a; --card: #201f23; --ink: #e9e6e1; --soft: #a29d96; --line: #35333a; --fail: #ff9a8f; --fail-tint: #43211f;
--accent: #d3a6dd; --comment: #98938b; --text: #8fd0ab; --word: #d3a6dd; --number: #e6b07a } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 var(--sans); overflow-wrap: anywhere }
header, .columns, footer { max-width: 84rem; margin: 0 auto; padding: 0 clamp(1rem, 4vw, 3rem) }
header { padding-top: clamp(1.5rem, 5vw, 3rem) }
h1, h2, p, dl, dd, ol, pre { margin: 0 }
h1 { font-size: clamp(1.5rem, 4vw, 2.1rem); line-height: 1.2; font-weight: 650; letter-spacing: -.01em; color: var(--fail) }
h2 { font-size: 1rem; line-height: 1.4; font-weight: 650; margin-bottom: .6rem }
code, pre, dd, .target, .file, textarea { font-family: var(--mono); font-size: .8125rem }
.request { display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline; margin-bottom: 1.1rem; color: var(--soft) }
.status { color: var(--fail); background: var(--fail-tint); border-radius: 99px; padding: .1rem .7rem; font-size: .8125rem; font-weight: 600 }
.method { font-weight: 600; font-size: .8125rem }
.message { font-size: 1.15rem; line-height: 1.5; margin-top: .5rem; white-space: pre-wrap; max-width: 60rem }
.message.long { font-size: .8125rem; max-height: 20rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem }
.told, .hint, .none, .mark { color: var(--soft); font-size: .8125rem }
.told { margin-top: .6rem }
.actions { display: flex; gap: .75rem; align-items: center; margin-top: 1.1rem; min-height: 2.25rem }
button { font: 600 .8125rem var(--sans); color: var(--ink); background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .5rem .9rem; cursor: pointer }
button:hover { border-color: var(--soft) }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: .25rem }
#copied { color: var(--soft); font-size: .8125rem }
.columns { display: grid; grid-template-columns: minmax(0, 1fr); gap: 2rem 3rem; margin-top: 1.5rem }
@media (min-width: 64rem) { .columns { grid-template-columns: minmax(0, 1fr) 23rem } }
section { margin-bottom: 2rem }
.frame, .whole { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; margin-bottom: .6rem; overflow: clip }
summary, .bare { display: flex; flex-wrap: wrap; gap: .1rem .75rem; align-items: baseline; padding: .6rem .9rem; cursor: pointer; list-style: none }
.bare { cursor: default }
summary::-webkit-details-marker { display: none }
summary::before { content: ""; flex: none; width: .4rem; height: .4rem; border: solid var(--soft); border-width: 0 1.5px 1.5px 0; transform: translateY(-.1rem) rotate(-45deg); margin-right: .1rem }
[open] > summary::before { transform: translateY(-.15rem) rotate(45deg) }
summary:hover .name, summary:hover .file b { text-decoration: underline; text-underline-offset: .2em }
summary:focus-visible { outline-offset: -3px; border-radius: .6rem }
.name { font-weight: 600 }
.file { color: var(--soft) }
.file b { color: var(--ink); font-weight: 500 }
.source { border-top: 1px solid var(--line); position: relative }
pre { overflow: auto; tab-size: 2; line-height: 1.6 }
.source pre { padding: .6rem 0 }
.source code { display: block; min-width: max-content; overflow-wrap: normal }
.source code > span { display: block; padding: 0 1rem 0 0; border-left: 3px solid transparent }
.source i { display: inline-block; width: 3.4rem; padding-right: 1rem; text-align: right; font-style: normal; color: var(--soft); user-select: none }
.source .failing { background: var(--fail-tint); border-left-color: var(--fail) }
.source .failing i { color: var(--fail); font-weight: 700 }
.comment { color: var(--comment) } .text { color: var(--text) } .word { color: var(--word) } .number { color: var(--number) }
.source .failing .comment { color: var(--soft) }
.open { position: absolute; z-index: 1; top: .45rem; right: .6rem; font-size: .8125rem; padding: .15rem .6rem; background: var(--card); border: 1px solid var(--line); border-radius: .4rem; text-decoration: none }
.bare .open { position: static; margin-left: auto }
@media (max-width: 48rem) { .source .open { position: static; display: inline-block; margin: .6rem 0 0 .9rem } }
a { color: var(--accent); text-underline-offset: .2em }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
.whole > summary { font-size: .875rem }
.whole ol { list-style: none; padding: .3rem .9rem .6rem; border-top: 1px solid var(--line) }
.whole li { display: flex; flex-wrap: wrap; gap: 0 .75rem; padding: .15rem 0 }
.whole li:not(.app) code { color: var(--soft) }
.whole li.app code { font-weight: 600 }
.cause { border-top: 1px solid var(--line); padding-top: 1.5rem }
.cause .message { font-size: 1rem; margin: 0 0 .8rem }
.relation { font: 600 .75rem var(--mono); color: var(--soft); margin-right: .4rem }
.value { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; max-height: 22rem; white-space: pre-wrap }
.cause .value { margin-bottom: .8rem }
.plugs { list-style: none; padding: 0; margin-left: .25rem; border-left: 2px solid var(--line) }
.plugs li { position: relative; display: flex; flex-wrap: wrap; gap: 0 .75rem; justify-content: space-between; padding: .25rem 0 .25rem 1rem }
.plugs li::before { content: ""; position: absolute; left: -.3rem; top: .75rem; width: .5rem; height: .5rem; border-radius: 50%; background: var(--soft); box-shadow: 0 0 0 3px var(--page) }
.plugs .here::before { background: var(--fail) }
.plugs .here code, .plugs .here .mark { color: var(--fail); font-weight: 600 }
.plugs .not::before { background: var(--page); border: 1.5px solid var(--soft) }
.plugs .not code { color: var(--soft) }
dl > div { display: grid; grid-template-columns: minmax(6.5rem, 32%) minmax(0, 1fr); gap: 0 1rem; align-items: baseline; padding: .35rem 0; border-top: 1px solid var(--line) }
dl > .tall { display: block }
.tall dd { margin-top: .3rem }
dt { color: var(--soft); font-size: .8125rem; line-height: 1.5 }
dd { white-space: pre-wrap; line-height: 1.5 }
.filtered { color: var(--soft) }
footer { padding-top: 1rem; padding-bottom: 3rem }
footer summary { padding-left: 0; color: var(--soft); font-size: .8125rem }
textarea { width: 100%; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .8rem; line-height: 1.5; resize: vertical }
@media print { .actions, .open, footer { display: none } }
`

export const script = `
const button = document.getElementById("copy"), field = document.getElementById("markdown")
button.hidden = false
button.addEventListener("click", async () => {
  const say = (text) => { document.getElementById("copied").textContent = text }
  try {
    await navigator.clipboard.writeText(field.value)
    say("Copied")
  } catch {
    field.closest("details").open = true
    field.focus()
    field.select()
    say(document.execCommand("copy") ? "Copied" : "Selected below: copy it with the keyboard")
  }
})
`
