// How images and checkpoints come in: dropped anywhere, pasted, chosen as a file, from a telephone's own camera as a file, too, or from
// another camera where the address allows it.

class Brings {
  constructor(site) {
    this.site = site;
    const { root, find } = site, dropping = find(".dropping");
    for (const input of root.querySelectorAll("input[type=file]")) {
      input.onchange = () => {
        const [file] = input.files;
        input.value = ""; // so that the same can be chosen again
        this.take(file);
      };
    }
    const brings = (event) => event.dataTransfer?.types.includes("Files");
    addEventListener("dragover", (event) => {
      if (!brings(event)) return;
      event.preventDefault();
      dropping.hidden = false;
    });
    addEventListener("dragleave", (event) => (dropping.hidden ||= !event.relatedTarget));
    addEventListener("drop", (event) => {
      dropping.hidden = true;
      if (!brings(event)) return;
      event.preventDefault();
      this.take(event.dataTransfer.files[0]);
    });
    addEventListener("paste", (event) => this.take(event.clipboardData.files[0]));
    find(".film").onclick = () => this.film();
  }

  take(file) {
    if (file) this.site.take(file);
  }

  async film() {
    const { find } = this.site, dialog = find(".camera"), video = find("video");
    const stream = await navigator.mediaDevices?.getUserMedia({ video: { facingMode: "environment" } }).catch(() => null);
    find(".no-camera").hidden = Boolean(stream);
    if (!stream) return;
    dialog.onclose = () => {
      for (const track of stream.getTracks()) track.stop();
    };
    find(".camera .take").onclick = async () => {
      const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
      canvas.getContext("2d").drawImage(video, 0, 0);
      dialog.close();
      this.take(await canvas.convertToBlob());
    };
    video.srcObject = stream;
    dialog.showModal();
    await video.play();
  }
}
