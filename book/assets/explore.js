// Sliders over the frames that a build drew: one image of each figure is shown.
document.addEventListener("DOMContentLoaded", () => {
  for (const figure of document.querySelectorAll(".course-explore")) {
    const frames = figure.querySelectorAll("img");
    const slider = figure.querySelector("input[type=range]");
    const output = figure.querySelector("output");
    const show = () => {
      frames.forEach((frame, position) => { frame.hidden = position !== Number(slider.value); });
      const value = frames[slider.value].dataset.value;
      output.textContent = value;
      slider.setAttribute("aria-valuetext", value);
    };
    figure.querySelector("label").hidden = false;
    slider.addEventListener("input", show);
    show();
  }
});

// What is folded on a page is open on paper.
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details:not([open])")) {
    folded.open = true;
    addEventListener("afterprint", () => { folded.open = false; }, { once: true });
  }
});
