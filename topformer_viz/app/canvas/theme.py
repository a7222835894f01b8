"""The app's colours and fonts, for pages that stand alone: what Streamlit sets of .streamlit/config.toml in the app."""

import base64

from topformer_viz.figures.fonts import FONT, bundled_characters, part

# As in .streamlit/config.toml, which an installed package does not have: on light, on dark.
COLOURS = {
    "text": ("#1d1c22", "#eceaf1"),
    "background": ("#fdfcfa", "#15161a"),
    "secondary-background": ("#f4f2ee", "#1f2127"),
    "primary": ("#7d3fb0", "#c9a4f2"),
}
FAMILIES = "'Source Sans', 'Noto Sans SC words', 'Noto Sans SC names', sans-serif"


def theme_css(words: str) -> str:
    """The custom properties that Streamlit would set, and of the bundled font the Chinese glyphs that ``words`` need."""
    colours = "".join(f"--st-{name}-color: light-dark({light}, {dark}); " for name, (light, dark) in COLOURS.items())
    css = f":root {{ {colours}--st-font: {FAMILIES}, system-ui; }}\n"
    if glyphs := {c for c in set(words) & bundled_characters() if c >= "\u2e80"}:
        source = f"url(data:font/woff;base64,{base64.b64encode(part(FONT, map(ord, glyphs), 'woff')).decode()}) format('woff')"
        css += (
            "/* part of Noto Sans SC; SIL Open Font License 1.1 */\n@font-face { "
            f"font-family: 'Noto Sans SC words'; src: {source}; }}\n"
        )
    return css
