"""The words of the frame: the top bar, the choices, what is said of a run."""

from topformer_viz.app.canvas.wire import COPY_WORDS
from topformer_viz.network.images import MAX_PIXELS, MODERN_MAX_PIXELS
from topformer_viz.network.weights import MAX_CHECKPOINT_BYTES
from topformer_viz.words.text import Text

PAGES = ("lesson", "explorer", "lab", "network", "heads", "starts", "reference")


UNLIKE = Text(
    "This looks like little that the network learned from: where its tokens enter the blocks, or where they leave them, they are "
    "less like those of the training images than in {usual} of the validation images. Take the maps and classes here with care.",
    "这不太像网络学习过的图片：它的 token 在进入各块之处、或在离开各块之处，与训练图片的 token 没那么相似，不及 {usual} 的验证图片。"
    "请谨慎看待这里的注意力图和类别。",
)
OWN_LABEL = Text(
    "The checkpoint you opened: TopFormer {size}, {classes}. It stays in this session's memory.",
    "你打开的权重文件：TopFormer {size}，{classes}。它只保存在本次会话的内存里。",
)
OVERFLOWS = Text(
    "On this image the checkpoint you opened computes numbers that are infinite, no numbers at all (NaN) or too large to be "
    "shown, so another model is shown instead.",
    "在这张图片上，你打开的权重文件算出的数里有无穷大、非数（NaN），或大得无法显示，因此改为显示另一个模型。",
)
BACKBONE = Text("an ImageNet backbone without segmentation", "没有分割部分的 ImageNet 主干网络")
UI = {
    "title": Text("TopFormer's attention", "TopFormer 的注意力"),
    "door": Text("Start", "入门"),
    "lesson": Text("Lesson", "逐步讲解"),
    "explorer": Text("Explorer", "探索"),
    "lab": Text("Lab", "实验室"),
    "network": Text("Network", "网络"),
    "heads": Text("Attention heads", "注意力头"),
    "starts": Text("Initialisation", "初始化"),
    "reference": Text("Reference", "参考"),
    "picture": Text("Image", "图片"),
    "own": Text("your own", "你的图片"),
    "own_picture": Text("your own image", "你的图片"),
    "named": Text("{name}.", "{name}。"),
    "chosen": Text("{what}: {value}", "{what}：{value}"),
    "samples": Text("A sample", "示例"),
    "upload": Text("Or your own image", "或使用你自己的图片"),
    "upload_help": Text(
        "JPEG, PNG, WebP, AVIF, HEIC, GIF, BMP or TIFF, up to {most} megapixels (WebP, AVIF and HEIC: {modern}). It stays in this session's memory.",
        "JPEG、PNG、WebP、AVIF、HEIC、GIF、BMP 或 TIFF，最多 {most}00 万像素（WebP、AVIF 和 HEIC 为 {modern}00 万）。图片只保存在本次会话的内存里。",
    ).format(most=MAX_PIXELS // 1_000_000, modern=MODERN_MAX_PIXELS // 1_000_000),
    "camera": Text("Use the camera", "使用摄像头"),
    "no_camera": Text(
        "No camera here: browsers offer it over HTTPS only, or on the machine that runs this app (localhost).",
        "这里无法使用摄像头：浏览器只在 HTTPS 下，或在运行本应用的机器上（localhost）才提供摄像头。",
    ),
    "camera_label": Text("Take a picture", "拍一张照片"),
    "model": Text("Model", "模型"),
    "size": Text("Size", "尺寸"),
    "grid": Text("Grid", "网格"),
    "side_label": Text("Short side of the network's input, in image pixels", "网络输入的短边（图像像素）"),
    "grid_label": Text("Tokens on the image's short side", "图片短边上的 token 数"),
    "own_model": Text("Your own checkpoint", "你自己的权重文件"),
    "open_model": Text("Or a checkpoint of your own", "或打开你自己的权重文件"),
    "open_model_help": Text(
        "A TopFormer checkpoint, .pth or .safetensors, up to {megabytes} MB. Only tensors are read from it, never code. It "
        "stays in this session's memory.",
        "TopFormer 的权重文件，.pth 或 .safetensors，最大 {megabytes} MB。只读取其中的张量，从不运行代码。"
        "文件只保存在本次会话的内存里。",
    ).format(megabytes=MAX_CHECKPOINT_BYTES // 1_000_000),
    "choose_file": Text("Choose a file", "选择文件"),
    "limit": Text("up to {megabytes} MB", "最大 {megabytes} MB"),
    "take": Text("Take the picture", "拍照"),
    "again": Text("Take another", "重拍"),
    "allow": Text("Allow the camera in your browser to go on.", "请先在浏览器中允许使用摄像头。"),
    "language": Text("Language", "语言"),
    "close": Text("Close", "关闭"),
    "running": Text("Running the network…", "正在运行网络……"),
    "in_line": Text(
        "Many are asking at once. You are number {place} in line; this page goes on by itself when your turn comes.",
        "现在提出请求的人很多，你排在第 {place} 位。轮到你时，本页会自动继续。",
    ),
    "resized": Text(
        "{w0} × {h0} → {w} × {h} image pixels (width × height), {rows} rows × {columns} columns of tokens",
        "{w0} × {h0} → {w} × {h} 图像像素（宽 × 高），{rows} 行 × {columns} 列 token",
    ),
    "shortened": Text(
        "short side reduced to {side}: this page shows at most {tokens} tokens",
        "短边已减小到 {side}：本页最多显示 {tokens} 个 token",
    ),
    "ran": Text("Forward pass on {device}: {ms} ms", "在 {device} 上前向传播：{ms} 毫秒"),
    "fell_back": Text(
        "the graphics card ran out of memory, so this ran on the CPU", "显存不足，改在 CPU 上运行"
    ),
}  # fmt: skip
DEVICES = {"cpu": "CPU", "cuda": "CUDA GPU", "mps": "Apple GPU (MPS)"}
# What the dialogs of saving and sharing say,
SAVING = {
    "save": Text("Save", "保存"),
    "share": Text("Share", "分享"),
    "save_title": Text("Save a figure of this view", "保存此视图的图"),
    "share_title": Text("Link to this view", "此视图的链接"),
    "close": Text("Close", "关闭"),
    "figure": Text("Figure", "图"),
    "format": Text("Format", "格式"),
    "width": Text("Width", "宽度"),
    "theme": Text("Background", "背景"),
    "font": Text("Type", "字体"),
    "map": Text("Colour map", "色图"),
    "words": Text("Title and caption", "标题与说明"),
    "save_figure": Text("Save the figure", "保存这张图"),
    "preview": Text("Preview of the figure", "图的预览"),
    "drawing": Text("Drawing…", "正在绘制……"),
    "writing": Text("Writing the file…", "正在写文件……"),
    "saved": Text("{name}, {size} MB, is in your downloads.", "{name}（{size} MB）已下载。"),
    "link": Text("Address", "地址"),
    "copy": Text("Copy", "复制"),
    **COPY_WORDS,
    "code": Text("QR code of the address", "地址的二维码"),
    "hint": Text(
        "For students' own devices, in the same network as this server. If a device does not get through, ask whether the "
        "network lets devices reach one another.",
        "供学生自己的设备使用，设备须与本服务器在同一网络。如果打不开，请确认网络是否允许设备之间互相访问。",
    ),
    "alone": Text(
        "This address works on this machine alone, so there is no code to scan. To let other devices in, connect the machine to "
        "their network, start the app with {command} and share again.",
        "这个地址只在本机有效，因此没有可扫的二维码。要让其他设备也能打开，请让本机接入同一局域网，用 {command} 启动应用，再重新分享。",
    ),
    "upload_stays": Text(
        "Your own image and checkpoint do not travel in a link: whoever opens it sees the defaults.",
        "你自己的图片和权重文件无法随链接传递：打开链接的人看到的是默认内容。",
    ),
}  # fmt: skip
# and what they are handed ready-made.
SAID = {
    "inches": Text("{w} × {h} inches ({wmm} × {hmm} mm)", "{wmm} × {hmm} 毫米（{w} × {h} 英寸）"),
    "npz": Text(
        "Numbers: float32 tensors with the names of their axes, for NumPy; their own names count blocks from 0, as the code does.",
        "数值：float32 张量及其各轴名称，可用 NumPy 打开；张量名里的块从 0 数起，与代码一致。",
    ),
    "failed": Text("This could not be made. Please try another choice.", "没有做成，请换一种选择试试。"),
    "not_a_link": Text("This is no web address, or too long for a code.", "这不是网址，或者太长，无法生成二维码。"),
    "trace": Text("Numbers of the whole run (.npz)", "整次运行的数值（.npz）"),
}  # fmt: skip
