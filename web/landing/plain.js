/** Only for browsers without modules: sends a photo as soon as it is chosen. */

(() => {
  const $ = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
  $("photo").onchange = () => {
    const request = new XMLHttpRequest();
    const say = (/** @type {string} */ text) => ($("said").textContent = text);
    request.open("POST", "/api/photos");
    request.upload.onprogress = (step) => say(`${Math.floor((step.loaded * 100) / Math.max(1, step.total))} %`);
    request.onloadend = () => {
      const body = request.status ? JSON.parse(request.responseText) : { message: "The kiosk is not answering." };
      if (request.status === 201) location.href = body.viewer_url;
      else say(body.message);
    };
    request.send(new FormData(/** @type {HTMLFormElement} */ ($("bring"))));
  };
})();
