/**
 * Only for browsers without modules: the dream as a picture; else the flat sphere, which can be scrolled sideways, and a
 * sentence.
 */

(() => {
  const $ = (/** @type {string} */ id) => /** @type {HTMLElement} */ (document.getElementById(id));
  const sent = document.getElementById("status");
  const status = sent && JSON.parse(sent.textContent || "null");
  const early = document.querySelector("link[as=fetch]");
  const host = $("sphere");
  document.body.className = "";
  if (status && status.images.flat) {
    host.style.background = `center / contain no-repeat url("${status.images.flat}")`;
    return;
  }
  if (early) {
    const picture = new Image();
    picture.onload = () => {
      host.scrollLeft = (picture.width - host.clientWidth) / 2;
    };
    picture.style.height = "100%";
    host.style.overflowX = "auto";
    picture.src = early.getAttribute("href") || "";
    host.appendChild(picture);
  }
  const tag = (navigator.language || "en").slice(0, 2);
  const request = new XMLHttpRequest();
  request.onload = () => {
    const words = JSON.parse(request.responseText);
    $("live").textContent = words["error.webgl"];
  };
  request.open("GET", `/static/shared/i18n/${/^(de|es|fr|ja)$/.test(tag) ? tag : "en"}.json`);
  request.send();
})();
