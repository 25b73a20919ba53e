// Sends the form by XMLHttpRequest, whose upload tells how far it is; without scripts the form works as any other.
const form = document.querySelector("form[data-upload]")
const bar = form.querySelector("progress")
const state = form.querySelector("[data-state]")

form.addEventListener("submit", (event) => {
  event.preventDefault()
  const request = new XMLHttpRequest()
  request.open("POST", form.action)
  request.setRequestHeader("accept", "application/json")
  request.setRequestHeader("x-csrf-token", form.elements._csrf_token.value)
  bar.hidden = false
  request.upload.onprogress = ({ loaded, total }) => {
    bar.max = total
    bar.value = loaded
    state.textContent = `${Math.round((100 * loaded) / total)} %`
  }
  request.onload = () => {
    if (request.status === 201) location.reload()
    else state.textContent = JSON.parse(request.responseText).error?.message ?? `failed: ${request.status}`
  }
  request.onerror = () => {
    state.textContent = "the connection was lost; try again"
  }
  request.send(new FormData(form))
})
