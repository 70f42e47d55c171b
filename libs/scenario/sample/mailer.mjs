// The shop's worker: says every half second that it is there.
const who = { program: 'mailer', version: Number(process.env.FABRIC_VERSION), instance: process.env.FABRIC_INSTANCE_ID };
const log = (message) => process.stdout.write(`${JSON.stringify({ at: new Date().toISOString(), ...who, message })}\n`);

let ticks = 0;
const timer = setInterval(() => {
  ticks += 1;
  log(`tick ${ticks}`);
}, 500);

process.on('SIGTERM', () => {
  clearInterval(timer);
  log(`stopped after ${ticks} ticks`);
});
log('started');
