"""The images that come with the app."""

from dataclasses import dataclass

from PIL import Image, ImageDraw

from topformer_viz import paths
from topformer_viz.network.images import open_image
from topformer_viz.words.misspelt import known
from topformer_viz.words.text import Text


def draw_test_card(width: int = 768, height: int = 512) -> Image.Image:
    """The drawn sample: few colours and shapes, each repeated, so that attention to either is easy to read.

    The same pixels each time, mode "RGB", ``width`` x ``height`` pixels. At the default size every shape
    is larger than the 64 x 64 pixels of one token; other proportions than 3 : 2 stretch the whole.
    """
    scale = 4  # drawn this much larger and reduced, for smooth edges
    size = (width * scale, height * scale)
    sky = Image.linear_gradient("L").resize(size)
    card = Image.composite(Image.new("RGB", size, "#f7efe6"), Image.new("RGB", size, "#c9dbe6"), sky)
    draw = ImageDraw.Draw(card)

    def at(*points: float) -> list[float]:
        """Pixels of x, y, x, y, ... given in twelfths of the width and eighths of the height."""
        return [value * size[i % 2] / (12, 8)[i % 2] for i, value in enumerate(points)]

    red, blue, yellow, ink = "#d8412f", "#2b5fb3", "#f2b632", "#3a3350"
    green, pale_green = "#4f9a5b", "#a9cf9f"
    draw.ellipse(at(3.5, 5.1, 16.5, 13), fill=pale_green)
    draw.rectangle(at(0, 6.5, 12, 8), fill=green)
    for x, y, side in ((0.9, 4.5, 2), (4.7, 5.1, 1.4), (9.4, 4.7, 1.8)):
        draw.rectangle(at(x, y, x + side, y + side), fill=blue)
    draw.polygon(at(0.6, 4.5, 1.9, 2.9, 3.2, 4.5), fill=yellow)
    draw.polygon(at(6.7, 6.5, 7.8, 4.6, 8.9, 6.5), fill=yellow)
    for x, y, radius in ((9.9, 1.9, 1.1), (4.2, 3.4, 0.7), (2.1, 1.3, 0.7)):
        draw.ellipse(at(x - radius, y - radius, x + radius, y + radius), fill=red)
    for x, y, radius in ((6.2, 1.9, 1.0), (7.6, 3.4, 0.65)):
        draw.ellipse(at(x - radius, y - radius, x + radius, y + radius), outline=ink, width=size[1] // 32)
    return card.reduce(scale)


@dataclass(frozen=True)
class Sample:
    """An image that comes with the app: its short name, its author, licence and source, and its file.

    ``file`` is the name in assets/samples, or None for the one that draw_test_card draws.
    """

    name: Text
    credit: Text
    file: str | None


# By slug, as it stands in links; the first is the default. topformer_viz/assets/samples/CREDITS.md has the details.
SAMPLES: dict[str, Sample] = {
    "street": Sample(
        Text(en="Street", zh="街道"),
        Text(en="Adrien Pavie, MIT licence, via Panoramax API", zh="Adrien Pavie，MIT 许可，来自 Panoramax API"),
        "street.jpg",
    ),
    "crossing": Sample(
        Text(en="Crossing", zh="路口"),
        Text(en="Adrien Pavie, MIT licence, via Panoramax API", zh="Adrien Pavie，MIT 许可，来自 Panoramax API"),
        "crossing.jpg",
    ),
    "dog": Sample(
        Text(en="Dog on a lawn", zh="草地上的狗"),
        Text(
            en="Hans Kemperman, public domain, via GCompris",
            zh="Hans Kemperman，公有领域，来自 GCompris",
        ),
        "dog.jpg",
    ),
    "bedroom": Sample(
        Text(en="Bedroom", zh="卧室"),
        Text(
            en="no. 2416933 on Pexels, Pexels licence, via PyPI",
            zh="Pexels 第 2416933 号，Pexels 许可，来自 PyPI",
        ),
        "bedroom.jpg",
    ),
    "china": Sample(
        Text(en="Palace tower", zh="宫殿楼阁"),
        Text(
            en="danielbuechele on Flickr, CC BY 2.0, via scikit-learn",
            zh="danielbuechele（Flickr），CC BY 2.0，来自 scikit-learn",
        ),
        "china.jpg",
    ),
    "astronaut": Sample(
        Text(en="Astronaut", zh="宇航员"),
        Text(
            en="Eileen Collins, NASA, public domain, via scikit-image",
            zh="艾琳·柯林斯，NASA，公有领域，来自 scikit-image",
        ),
        "astronaut.jpg",
    ),
    "cat": Sample(
        Text(en="Cat", zh="猫"),
        Text(en="Stefan van der Walt, CC0, via scikit-image", zh="Stefan van der Walt，CC0，来自 scikit-image"),
        "cat.jpg",
    ),
    "coffee": Sample(
        Text(en="Cup of coffee", zh="一杯咖啡"),
        Text(en="Rachel Michetti, CC0, via scikit-image", zh="Rachel Michetti，CC0，来自 scikit-image"),
        "coffee.jpg",
    ),
    "rocket": Sample(
        Text(en="Rocket", zh="火箭"),
        Text(en="SpaceX, public domain, via scikit-image", zh="SpaceX，公有领域，来自 scikit-image"),
        "rocket.jpg",
    ),
    "card": Sample(
        Text(en="Test card", zh="测试图卡"),
        Text(en="Drawn by this app, under its own licence", zh="由本应用绘制，许可与本应用相同"),
        None,
    ),
}


def open_sample(slug: str) -> Image.Image:
    """The sample image of this slug, mode "RGB"; raises ValueError if SAMPLES has none."""
    known("sample", slug, SAMPLES)
    file = SAMPLES[slug].file
    return draw_test_card() if file is None else open_image((paths.SAMPLES / file).read_bytes())
