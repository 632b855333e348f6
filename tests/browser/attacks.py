"""Texts that run something where they are taken for markup, and what tells that one did.

Does not know the page. Every attack sets ``window.hacked``, opens a dialog or asks a host that is not there.
"""

from __future__ import annotations

from typing import Any

EVIL = "https://evil.invalid"
ATTACKS = (
    "<script>window.hacked='script'</script>",
    "<img src=x onerror=\"window.hacked='img'\">",
    "<svg onload=\"window.hacked='svg'\"><animate onbegin=\"window.hacked='animate'\" attributeName=x dur=1s></svg>",
    "<iframe srcdoc=\"<script>parent.hacked='iframe'</script>\"></iframe>",
    "<details open ontoggle=\"window.hacked='details'\">d</details>",
    "<input autofocus onfocus=\"window.hacked='focus'\"><video><source onerror=\"window.hacked='video'\"></video>",
    "\"><img src=x onerror=window.hacked='quote'> '><img src=x onerror=window.hacked='apostrophe'>",
    '" onmouseover="window.hacked=\'over\'" autofocus onfocus="window.hacked=\'attribute\'" x="',
    "</textarea></title></style></script><script>window.hacked='closed'</script><!--",
    "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=x onerror=window.hacked='m'&gt;\">",
    f"<style>@import '{EVIL}/css';</style><link rel=stylesheet href={EVIL}/link><base href={EVIL}>",
    f"<meta http-equiv=refresh content='0;url={EVIL}/refresh'><object data={EVIL}/object></object>",
    f"<form action=javascript:alert(1)><button>b</button></form><a href=javascript:alert(1)>a</a><img src={EVIL}/i>",
    "[link](javascript:window.hacked='md') **bold** <javascript:alert(1)>",
    f"![picture]({EVIL}/md.png) ![][r]\n\n[r]: {EVIL}/ref.png\n\n# head\n\n```mermaid\nclick a call alert(1)\n```",
    f"$\\href{{javascript:alert(1)}}{{x}}$ $$\\includegraphics{{{EVIL}/tex.png}}$$ \\(\\htmlClass{{a}}{{b}}\\)",
    "$\\def\\a{\\a\\a}\\a$ \\[\\unicode{x3c}script\\unicode{x3e}\\]",
    "${window.hacked='template'} {{constructor.constructor(\"window.hacked='curly'\")()}} {{{value}}} #{x} <%= x %>",
    "data:text/html,<script>parent.hacked='data'</script> javascript:window.hacked='address'//",
    "\\u003cimg src=x onerror=window.hacked='escaped'\\u003e &lt;img src=x onerror=window.hacked='entity'&gt;",
    "&#60;img src=x onerror=window.hacked='number'&#62; %3Cscript%3Ewindow.hacked='percent'%3C/script%3E",
    "\u2028window.hacked='line'\u2029 \u202eolleh",
)
ALL = "\n".join(ATTACKS)
# No slash may stand in the name of a file, and 255 bytes are the most.
FILE = "\"><img src=x onerror=window.hacked='name'><svg onload=window.hacked='svgname'> $x$ ![](x) ${window.hacked=1}"

# What stands in the document as an element or an attribute though it came as a text.
TRACES = """() => {
  const found = window.hacked === undefined ? [] : [`window.hacked is ${window.hacked}`];
  for (const element of document.querySelectorAll('*')) {
    if (element.matches('head script, body > script')) continue;
    for (const {name, value} of element.attributes) {
      const runs = name.startsWith('on') && /hacked/.test(value);
      const leads = ['href', 'src', 'action', 'data', 'srcdoc', 'xlink:href'].includes(name) &&
        /^\\s*javascript:|evil\\.invalid|hacked/i.test(value);
      if (runs || leads) found.push(element.outerHTML.slice(0, 200));
    }
    if (element.matches('script, style') && /hacked|evil\\.invalid/.test(element.textContent))
      found.push(`<${element.localName}> ${element.textContent.slice(0, 100)}`);
    if (element.matches('img[src="x"], .katex, .mermaid, mglyph')) found.push(element.outerHTML.slice(0, 200));
  }
  return found;
}"""


def assert_nothing_ran(visitor: Any) -> None:
    """Neither a script nor a request nor a dialog came of the texts, and none of them became an element."""
    visitor.page.wait_for_timeout(200)  # for handlers of pictures that fail to load
    told = [*visitor.page.evaluate(TRACES), *visitor.outside, *visitor.dialogs]
    assert not told, "\n".join(told)
    assert visitor.page.url.startswith(visitor.address)
