// What wait-until-worker.js does with an event: its tags, by how the event ends.
'use strict';

const succeedingTags = [
  'no waitUntil()',
  'a value that is no promise',
  'a fulfilled promise',
  'a promise that is fulfilled later',
  'a fulfilled thenable',
  'several fulfilled promises',
  'a promise whose rejection is handled',
  'preventDefault()',
  'an exception of the listener',
  'an exception of the listener after a fulfilled promise',
  'a rejected promise that is only returned',
  'a fulfilled promise added later',
];

const failingTags = [
  'a rejected promise',
  'a promise rejected with undefined',
  'a promise that is rejected later',
  'a rejected thenable',
  'a rejected promise before fulfilled ones',
  'a rejected promise after fulfilled ones',
  'a rejected promise in the second listener',
  'a rejected promise in the event handler',
  'an exception of the listener after a rejected promise',
  'a rejected promise added while another is pending',
  'a rejected promise added by the reaction to the only one',
  'a rejected promise added by an added one',
];
