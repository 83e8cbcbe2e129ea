// What stands in the explorer's element.

export const HTML = `
<div class="er-main">
  <div class="er-above">
    <div class="er-legend" data-control="legend" role="group" aria-label="classes shown"></div>
    <button class="er-share" data-control="share" title="copy a link to this view, with all that the open tool shows">copy link</button>
  </div>
  <div class="er-map" data-control="map" tabindex="0" role="application" aria-label="map of the latent space: arrow keys move the lens, Escape releases it">
    <div class="er-tiles"></div>
    <canvas class="er-zones"></canvas>
    <canvas class="er-cloud" hidden></canvas>
    <div class="er-plot"></div>
    <canvas class="er-space" hidden></canvas>
    <canvas class="er-layer"></canvas>
    <svg class="er-overlay" aria-hidden="true">
      <text class="er-ring"/><text class="er-ring"/><text class="er-ring"/>
      <ellipse class="er-zone" style="display:none"/>
      <g class="er-point" style="display:none"><circle r="6.5"/><circle r="6.5"/></g>
      <g class="er-marker" style="display:none"><circle r="9"/><circle r="9"/><path d="M-15 0H-5M15 0H5M0 -15V-5M0 15V5"/></g>
      <path class="er-wire" style="display:none"/>
      <g class="er-marks"></g>
    </svg>
    <p class="er-key"><i></i> q(z) above the prior <i></i> below: holes</p>
    <p class="er-holes"></p>
    <p class="er-note" role="status"></p>
    <button class="er-whole" data-control="whole" title="show all of the map again (double tap on the map)" hidden>whole map</button>
    <div class="er-message" role="status">Loading the map …</div>
    <p class="er-voice" aria-live="polite"></p>
  </div>
  <div class="er-controls"></div>
</div>
<aside class="er-side">
  <div class="er-tabs" role="tablist" aria-label="tools"></div>
  <div class="er-glass">
  <section class="er-lens" aria-label="lens">
    <canvas class="er-decoded" role="img" aria-label="image decoded at the lens"></canvas>
    <p class="er-lacking"></p>
    <dl>
      <dt>‖z‖</dt><dd class="er-norm">–</dd>
      <dt>ln p(z)</dt><dd class="er-prior">–</dd>
      <dd class="er-pin"></dd>
    </dl>
  </section>
  <section class="er-nearest" aria-label="data point beside the lens">
    <figure><canvas class="er-original" role="img" aria-label="x, the data point beside the lens"></canvas><figcaption>x</figcaption></figure>
    <figure><canvas class="er-reconstruction" role="img" aria-label="its reconstruction, decoded at its μ"></canvas><figcaption>x̂ at μ</figcaption></figure>
    <dl>
      <dt class="er-which">nearest in z</dt><dd><b class="er-class"></b></dd>
      <dd class="er-from"><span class="er-index"></span> · ‖z − μ‖ <span class="er-away"></span></dd>
      <dt>distortion</dt><dd><span class="er-distortion"></span> nats</dd>
      <dt>rate</dt><dd><span class="er-rate"></span> nats</dd>
    </dl>
  </section>
  </div>
  <div class="er-panels" id="er-panels" role="tabpanel" hidden></div>
  <div class="er-panel-lens" id="er-panel-lens" role="tabpanel" aria-labelledby="er-tab-lens">
  <section class="er-z" data-control="z" aria-label="z">
    <header><span>z, by rate</span><span>rate, nats</span></header>
    <div class="er-sliders"></div>
  </section>
  <section class="er-draws">
    <button class="er-origin" data-control="origin" title="z = 0, the middle of the prior">z = 0</button>
    <button class="er-draw-prior" data-control="prior-draw" title="a draw z ~ N(0, I)">prior draw</button>
    <button class="er-draw-posterior" data-control="posterior-draw" title="a draw z = μ + σ·ζ from q(z|x) of the data point beside the lens">posterior draw</button>
    <output class="er-zeta"></output>
  </section>
  </div>
</aside>`;
