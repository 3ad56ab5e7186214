export { default } from '../workbox-plugin/build.mjs';
