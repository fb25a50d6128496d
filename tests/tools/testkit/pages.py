"""Measured figures go into the pages that users read by the run that measured them, between two markers."""


def publish(text, page, name):
    """Replaces what stands between the markers `name` of the page."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, rest = page.read_text().split(begin)
    page.write_text(before + begin + "\n" + text + end + rest.split(end)[1])
