// Shows the description that the page names; nothing is loaded from, or sent to, any other server.
const element = document.getElementById("description");

// Swagger UI plays audio by asking for its URL again, with GET: what was just spoken is played instead, and can be saved.
function AudioPlayback(system) {
  const { createElement, useMemo } = system.React;
  function Player({ content }) {
    const url = useMemo(() => URL.createObjectURL(content), [content]);
    return createElement(
      "div",
      null,
      createElement("audio", { controls: true, src: url }),
      createElement("p", null, createElement("a", { href: url, download: "speech" }, "Save the file")),
    );
  }
  const wrapped = (Original) => (props) =>
    props.content instanceof Blob && String(props.contentType).startsWith("audio/")
      ? createElement(Player, { content: props.content })
      : createElement(Original, props);
  return { wrapComponents: { responseBody: wrapped } };
}

window.ui = SwaggerUIBundle({
  url: element.dataset.document,
  domNode: element,
  plugins: [AudioPlayback],
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
