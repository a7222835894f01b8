"""Why a checkpoint is not opened, and what to do: the sentences, and the error that carries them."""

from topformer_viz.words.plain import plain
from topformer_viz.words.text import Text

SHOWN_CHARACTERS = 120  # of a stranger's name, of a file or of anything in it
WRAPPERS = ("state_dict_ema", "state_dict", "model_state_dict", "model")  # where published files keep their tensors
NAMES = ("classes", "CLASSES")  # under which a file keeps those of its classes

# To be run where a file is trusted: it runs what is in it. OLD and NEW stand for the files, so that no stranger's file
# name gets into a command line; neither sh nor PowerShell finds anything of theirs between the double quotes.
CONVERT = (
    'python -c "import json, sys, torch, safetensors.torch as st; '
    "c = torch.load(sys.argv[1], 'cpu', weights_only=False); "
    "d = c if isinstance(c, dict) else {}; m = d.get('meta') or {}; "
    f"n = next((p[k] for p in (m.get('dataset_meta') or {{}}, m, d) for k in {NAMES} "
    "if isinstance(p.get(k), (list, tuple))), None); "
    f"c = next((d[k] for k in {WRAPPERS} if k in d), c); "
    "c = c if isinstance(c, dict) else c.state_dict(); "
    # Not save_file, whose files nobody but their owner can read.
    "t = {k: v.clone().contiguous() for k, v in c.items() if isinstance(v, torch.Tensor)}; "
    "open(sys.argv[2], 'wb').write(st.save(t, n and {'classes': json.dumps(n)}))"
    '" OLD.pth NEW.safetensors'
)

TO_CONVERT = Text(
    en="If you trust the file, convert it on your own computer and open the result: {command}",
    zh="如果信任该文件，请在自己的电脑上用这条命令转换，再打开转换后的文件：{command}",
)
TO_CONVERT_WITH = Text(
    en="If you trust the file, convert it on your own computer, where {package} must be installed, and open the result: "
    "{command}",
    zh="如果信任该文件，请在自己的电脑上（需已安装 {package}）用这条命令转换，再打开转换后的文件：{command}",
)
CODE = Text(
    en="{name} is not opened: reading it would have to run {what}, which could do anything on this computer. {convert}",
    zh="未打开 {name}：读取它需要运行 {what}，而这可能在本机上执行任何操作。{convert}",
)
UNKNOWN = Text(
    en="{name} is not opened: it holds {what}, which is not read here. {convert}",
    zh="未打开 {name}：其中有{what}，这里无法读取。{convert}",
)
OPERATION = Text(en="the pickle operation {operation}", zh="pickle 操作 {operation}")
# What a browser finds in a file of torch.save; here such files are read.
PICKLE = Text(en="a pickle, as torch.save writes it", zh="torch.save 写出的 pickle")
BYTE_ORDER = Text(en="numbers in another byte order", zh="字节序不同的数")
UNREADABLE = Text(
    en="{name} cannot be read as a checkpoint. It may be damaged or cut off: then download or export it again. Or it may be "
    "sound and of a kind that is not known here. {convert}",
    zh="无法将 {name} 读作权重文件。它可能已损坏或不完整：请重新下载或导出。它也可能完好，只是这里不认识这种格式。{convert}",
)
CUT_OFF = Text(
    en="{name} cannot be read: it ends before everything that it announces, as after a download that broke off. Please "
    "download or export it again.",
    zh="无法读取 {name}：文件提前结束，内容不完整，例如下载中途断开。请重新下载或导出。",
)
OVERCLAIM = Text(
    en="{name} is not opened: what it holds is compressed, or claims to be more than the file has bytes; "
    "please save it again with torch.save or safetensors.",
    zh="未打开 {name}：其中的内容经过压缩，或声称的大小超过文件本身；请用 torch.save 或 safetensors 重新保存。",
)
CROWDED = Text(
    en="{name} is not opened: besides the numbers of its tensors it holds too much else, such as a long configuration or "
    "history; please save the model's state dict alone.",
    zh="未打开 {name}：除张量的数值外，其中的内容太多，例如很长的配置或训练记录；请只保存模型的 state dict。",
)
ARCHIVE = Text(
    en="{name} is an archive of files; please unpack it and open the .pth or .safetensors file inside.",
    zh="{name} 是压缩包；请先解压，再打开其中的 .pth 或 .safetensors 文件。",
)
FOREIGN = Text(
    en="{name} is neither a .pth file, as torch.save writes it, nor a .safetensors file{kind}.",
    zh="{name} 既不是 torch.save 保存的 .pth 文件，也不是 .safetensors 文件{kind}。",
)
KINDS = {
    "empty": Text(en=": it is empty", zh="：它是空的"),
    "page": Text(
        en=": it is a web page, which sites hand out in place of a file when they want a sign-in or a confirmation first",
        zh="：它是一个网页，网站要求先登录或确认时，会用网页代替文件",
    ),
    "pointer": Text(
        en=": it is a pointer of Git LFS; “git lfs pull” fetches the file itself",
        zh="：它是 Git LFS 的指针，用 git lfs pull 才能取得文件本身",
    ),
    "pickle": Text(
        en=": it is a plain pickle; please save what is in it with torch.save",
        zh="：它是普通的 pickle；请用 torch.save 保存其中的内容",
    ),
    "other": Text(en="; please choose another file", zh="；请换一个文件"),
}
TOO_HEAVY = Text(
    en="{name} is larger than {megabytes} MB, more than any TopFormer checkpoint; please choose another file, "
    "or save its state dict alone.",
    zh="{name} 超过 {megabytes} MB，比任何 TopFormer 权重文件都大；请换一个文件，或只保存其中的 state dict。",
)
NO_DICTIONARY = Text(
    en="{name} holds a {kind}, not a dictionary of tensors; please save the model's state dict.",
    zh="{name} 中是 {kind}，而不是张量的字典；请保存模型的 state dict。",
)
NO_TENSORS = Text(
    en="{name} holds no tensors, neither bare nor under {wrappers}; please save the model's state dict.",
    zh="{name} 中没有张量：最外层没有，{wrappers} 之下也没有；请保存模型的 state dict。",
)
NOT_FINITE = Text(
    en="{name} holds parameters that are infinite or no numbers at all (NaN), so nothing it computes could be shown; its "
    "training may have diverged. Please choose another file.",
    zh="{name} 里有无穷大或非数（NaN）的参数，它算出的任何结果都无法显示，可能是训练发散了。请换一个文件。",
)
OVERFLOWS = Text(
    en="{name} holds finite parameters, but what they compute is not: on a test image its numbers grow beyond {largest}, "
    "too large to be shown. Please choose another file.",
    zh="{name} 的参数都是有限数，但用它们计算会溢出：在一张测试图片上，得到的数超过了 {largest}，无法显示。请换一个文件。",
)
MISFIT = Text(
    en="{name} does not fit TopFormer {size}: {told}",
    zh="{name} 与 TopFormer {size} 不符：{told}",
)
MISFITS = {
    "missing": Text(en="{count} missing: {keys}", zh="缺少 {count} 个：{keys}"),
    "unexpected": Text(en="{count} unexpected: {keys}", zh="多余 {count} 个：{keys}"),
    "misshapen": Text(en="{count} misshapen: {keys}", zh="形状不符 {count} 个：{keys}"),
    "mistyped": Text(en="{count} not of floating-point numbers: {keys}", zh="非浮点数 {count} 个：{keys}"),
}


class CheckpointError(ValueError):
    """The file is no TopFormer checkpoint.

    ``text`` says why, and what to do, in both languages, with ``values`` in its places; ``str()`` is its English.
    """

    def __init__(self, text: Text, **values: object) -> None:
        self.text = text.format(**values)
        super().__init__(self.text.en)


def convertible(message: Text, name: str, package: str = "", **what: Text) -> CheckpointError:
    """The error with the way out: the command, and the package that it must find."""
    way = TO_CONVERT_WITH if package else TO_CONVERT
    return CheckpointError(message, name=name, convert=way.format(command=CONVERT, package=package), **what)


def cut_in(text: str) -> str:
    """A stranger's text as messages show it: one line of at most SHOWN_CHARACTERS."""
    return plain(text, SHOWN_CHARACTERS)
