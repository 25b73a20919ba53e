/** The pages, as templates that escape whatever is put into them. */

import { type Html, html } from "plumage/plugs"
import type { User } from "./users.ts"

export interface PageOptions {
  title: string
  token: string
  user?: User | undefined
  info?: string | undefined
  error?: string | undefined
}

export function layout({ title, token, user, info, error }: PageOptions, content: Html): string {
  const account = user
    ? html`<span>${user.name}</span>
        <form method="post" action="/session">
          <input type="hidden" name="_method" value="delete"><input type="hidden" name="_csrf_token" value="${token}">
          <button class="quiet">Log out</button>
        </form>`
    : html`<a href="/login">Log in</a> <a href="/register">Register</a>`
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Accounts</title>
<link rel="icon" href="/assets/icon.svg">
<link rel="stylesheet" href="/assets/style.css">
<header><a href="/">Accounts</a><nav>${account}</nav></header>
<main>
  ${info && html`<p class="flash info" role="status">${info}</p>`}
  ${error && html`<p class="flash error" role="alert">${error}</p>`}
  <h1>${title}</h1>
  ${content}
</main>
</html>
`.toString()
}

interface FormOptions {
  action: string
  button: string
  token: string
  name?: string
  issues?: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[]
}

/** The form for a name and a password, with what was wrong beside what it was wrong with. */
export function credentials({ action, button, token, name = "", issues = [] }: FormOptions): Html {
  const wrong = (field: string): Html[] =>
    issues.filter(({ path }) => path.at(-1) === field).map(({ message }) => html`<span class="issue">${message}</span>`)
  return html`<form class="card" method="post" action="${action}">
    <input type="hidden" name="_csrf_token" value="${token}">
    <label>Name ${wrong("name")}<input name="name" value="${name}" autocomplete="username" required></label>
    <label>Password ${wrong("password")}<input name="password" type="password" autocomplete="current-password" required></label>
    <button>${button}</button>
  </form>`
}

export function home(user: User, token: string): Html {
  return html`<form class="card" method="post" action="/pictures" enctype="multipart/form-data" data-upload>
      <input type="hidden" name="_csrf_token" value="${token}">
      <label>A picture, up to 5 MB <input type="file" name="picture" accept="image/png,image/jpeg,image/gif" required></label>
      <button>Upload</button> <span data-state role="status"></span>
      <progress hidden aria-label="upload"></progress>
    </form>
    <ul class="pictures">
      ${user.pictures.map(
        ({ id, name }) => html`<li><img src="/pictures/${id}" alt="${name}"><span>${name}</span></li>`,
      )}
    </ul>
    <script src="/assets/upload.js" type="module"></script>`
}
