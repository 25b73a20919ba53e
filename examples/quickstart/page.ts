/** The page at `/`: it shows the stream and the websocket at work. */

export const page = (paths: { clock: string; echo: string }): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Plumage quickstart</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1rem; color: #1d2433; }
  h1 { font-size: 1.6rem; margin-bottom: .2rem } h2 { font-size: 1.05rem; margin: 0 0 .5rem }
  section { border: 1px solid #d8dde8; border-radius: 10px; padding: 1rem 1.2rem; margin: 1.2rem 0 }
  output, pre { font: 14px/1.5 ui-monospace, monospace; white-space: pre-wrap; margin: 0 }
  .on { color: #12753f } .off { color: #a3262a }
  input { font: inherit; padding: .35rem .6rem; border: 1px solid #b9c1d1; border-radius: 6px; width: 60% }
  button { font: inherit; padding: .35rem .9rem; border: 0; border-radius: 6px; background: #3157d5; color: white }
</style>
<h1>Plumage is running</h1>
<p>One endpoint, one router; this page is its route <code>/</code>.</p>
<section>
  <h2>Server-sent events from <code>${paths.clock}</code> <small id="clock-state" class="off">connecting</small></h2>
  <output id="clock">waiting for the first tick</output>
</section>
<section>
  <h2>Websocket at <code>${paths.echo}</code> <small id="echo-state" class="off">connecting</small></h2>
  <form id="form"><input id="text" value="hello" aria-label="message"> <button>Send</button></form>
  <pre id="echo"></pre>
</section>
<script>
  const $ = (id) => document.getElementById(id)
  const show = (id, on) => { $(id).textContent = on ? "open" : "closed"; $(id).className = on ? "on" : "off" }
  const source = new EventSource(${JSON.stringify(paths.clock)})
  source.onopen = () => show("clock-state", true)
  source.onerror = () => show("clock-state", false)
  source.addEventListener("tick", (event) => {
    const { n, at } = JSON.parse(event.data)
    $("clock").textContent = "tick " + n + " at " + at
  })
  const socket = new WebSocket(location.origin.replace(/^http/, "ws") + ${JSON.stringify(paths.echo)})
  socket.onopen = () => show("echo-state", true)
  socket.onclose = () => show("echo-state", false)
  socket.onmessage = (event) => { $("echo").textContent += "< " + event.data + "\\n" }
  $("form").onsubmit = (event) => {
    event.preventDefault()
    $("echo").textContent += "> " + $("text").value + "\\n"
    socket.send($("text").value)
  }
</script>
</html>
`
