// The markup of the live page.

export const HTML = `
<div class="page-main">
  <header class="page-head" data-control="numbers"></header>
  <div class="page-bar">
    <div class="er-legend" data-control="legend" role="group" aria-label="classes shown"></div>
    <div class="page-options">
      <label class="page-following" data-control="follow" hidden><input type="checkbox"> follow the presenter</label>
      <div class="page-choice page-steered" data-control="steered" role="radiogroup" aria-label="runs that are steered" hidden><span>steer</span><button role="radio" data-steered="both">both</button><button role="radio" data-steered="0">left</button><button role="radio" data-steered="1">right</button></div>
      <div class="page-choice" data-control="zones" role="radiogroup" aria-label="buffer zones"><span>zones</span><button role="radio" data-zones="all">all</button><button role="radio" data-zones="pointer">nearest</button><button role="radio" data-zones="none">none</button></div>
      <button class="page-manifold" data-control="plane" aria-pressed="false" title="the plane decoded, beneath the points">decoded plane</button>
      <button class="page-fit" data-control="fit" title="let the view follow the points again (double click on the map)">fit</button>
    </div>
  </div>
  <div class="page-stage">
    <div class="page-maps"></div>
    <div class="page-notice" data-control="notice" role="status" hidden></div>
    <div class="page-lost" role="status" hidden></div>
  </div>
  <form class="page-locked" data-control="key" hidden><span>read-only: who has the run's key can steer it</span><input type="password" autocomplete="off" placeholder="key" aria-label="the run's key"><button>steer with this key</button></form>
  <div class="page-transport" role="group" aria-label="transport"></div>
  <div class="page-dials"></div>
</div>
<aside class="page-side">
  <section class="page-lens" data-control="lens" aria-label="lens"></section>
  <div class="page-strip" data-control="strip" role="img" aria-label="eight images over their reconstructions"></div>
  <canvas class="page-curves" data-control="curves" role="img" aria-label="elbo, distortion and rate over the images seen"></canvas>
  <div class="page-pair">
    <canvas class="page-tradeoff" data-control="tradeoff" role="img" aria-label="distortion over rate"></canvas>
    <canvas class="page-rates" data-control="rates" role="img" aria-label="rate of every latent dimension"></canvas>
  </div>
</aside>`;
