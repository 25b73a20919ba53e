/** The plug library: what an application needs on day one, each plug in a file of its own. */

export { escapeHtml } from "../http/html.ts"
