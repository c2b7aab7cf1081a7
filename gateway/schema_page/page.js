// Shows the description that the page names; nothing is loaded from, or sent to, any other server.
const element = document.getElementById("description");
window.ui = SwaggerUIBundle({
  url: element.dataset.document,
  domNode: element,
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
