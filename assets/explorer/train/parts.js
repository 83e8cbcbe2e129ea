// The markup of the live page.

export const HTML = `
<div class="lv-main">
  <header class="lv-head" data-control="numbers"></header>
  <div class="lv-bar">
    <div class="er-legend" data-control="legend" role="group" aria-label="classes shown"></div>
    <div class="lv-options">
      <label class="lv-following" data-control="follow" hidden><input type="checkbox"> follow the presenter</label>
      <div class="lv-choice lv-steered" data-control="steered" role="radiogroup" aria-label="runs that are steered" hidden><span>steer</span><button role="radio" data-steered="both">both</button><button role="radio" data-steered="0">left</button><button role="radio" data-steered="1">right</button></div>
      <div class="lv-choice" data-control="zones" role="radiogroup" aria-label="buffer zones"><span>zones</span><button role="radio" data-zones="all">all</button><button role="radio" data-zones="pointer">nearest</button><button role="radio" data-zones="none">none</button></div>
      <button class="lv-manifold" data-control="plane" aria-pressed="false" title="the plane decoded, beneath the points">decoded plane</button>
      <button class="lv-fit" data-control="fit" title="let the view follow the points again (double click on the map)">fit</button>
    </div>
  </div>
  <div class="lv-stage">
    <div class="lv-maps"></div>
    <div class="lv-notice" data-control="notice" role="status" hidden></div>
    <div class="lv-lost" role="status" hidden></div>
  </div>
  <form class="lv-locked" data-control="key" hidden><span>read-only: who has the run's key can steer it</span><input type="password" autocomplete="off" placeholder="key" aria-label="the run's key"><button>steer with this key</button></form>
  <div class="lv-transport" role="group" aria-label="transport"></div>
  <div class="lv-dials"></div>
</div>
<aside class="lv-side">
  <section class="lv-lens" data-control="lens" aria-label="lens"></section>
  <div class="lv-strip" data-control="strip" role="img" aria-label="eight images over their reconstructions"></div>
  <canvas class="lv-curves" data-control="curves" role="img" aria-label="elbo, distortion and rate over the images seen"></canvas>
  <div class="lv-pair">
    <canvas class="lv-tradeoff" data-control="tradeoff" role="img" aria-label="distortion over rate"></canvas>
    <canvas class="lv-rates" data-control="rates" role="img" aria-label="rate of every latent dimension"></canvas>
  </div>
</aside>`;
