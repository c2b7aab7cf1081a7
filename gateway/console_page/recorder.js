// Recording from the microphone.

const TYPES = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];

/** Begin to record; `tick` is told of the seconds. Returns what stops it, which returns a file. */
export async function record(tick) {
  if (!navigator.mediaDevices || !window.MediaRecorder) {
    throw new Error("Browsers give the microphone to pages of this machine (localhost) and of HTTPS only. Choose a file instead, or put the server behind HTTPS.");
  }
  const media = await microphone();
  const type = TYPES.find((one) => MediaRecorder.isTypeSupported(one));
  const recorder = new MediaRecorder(media, type ? { mimeType: type } : {});
  const parts = [];
  const began = performance.now();
  const timer = setInterval(() => tick((performance.now() - began) / 1000), 200);
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.start(1000);
  return async () => {
    clearInterval(timer);
    await new Promise((done) => {
      recorder.onstop = done;
      recorder.stop();
    });
    for (const track of media.getTracks()) track.stop();
    const bare = recorder.mimeType.split(";")[0] || "audio/webm";
    return new File(parts, `recording.${bare.split("/")[1]}`, { type: bare });
  };
}

async function microphone() {
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch (error) {
    const reasons = { NotAllowedError: "The browser was not allowed to use the microphone.", NotFoundError: "There is no microphone here." };
    throw new Error(reasons[error.name] ?? `The microphone could not be opened: ${error.message}`);
  }
}
