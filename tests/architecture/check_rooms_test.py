"""Shows that check_rooms.py catches each kind of breach: a check that cannot fail is worth nothing."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.dont_write_bytecode = True

import check_rooms  # noqa: E402


class CheckRooms(unittest.TestCase):
    def setUp(self):
        self._directory = tempfile.TemporaryDirectory()
        self.addCleanup(self._directory.cleanup)
        self.root = Path(self._directory.name)
        self.room("base", "telegen_room(base SOURCES a.cpp)")
        self.room("model", "add_library(telegen_model INTERFACE)  # telegen_room(not this)\n"
                           "target_link_libraries(telegen_model INTERFACE telegen_base)")
        self.room("top", "telegen_room(top\n  DEPENDS model # base\n  LIBRARIES base x::y\n  SOURCES t.cpp)")
        self.write("src/base/a.h", "#include <vector>\n")
        self.write("src/model/m.h", '#include "base/a.h"\n')
        self.write("src/top/t.cpp", '#include "top/t.h"\n#include "model/m.h"\n#include "generated.h"\n')

    def room(self, name, lists):
        self.write(f"src/{name}/CMakeLists.txt", lists + "\n")
        self.write(f"src/{name}/README.md", "a room\n")

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def breach(self, part):
        found = check_rooms.check(self.root)
        self.assertEqual(len(found), 1, found)
        self.assertIn(part, found[0])

    def test_what_is_declared_is_allowed(self):
        self.assertEqual(check_rooms.check(self.root), [])
        rooms = check_rooms.parse_rooms(self.root / "src")
        self.assertEqual({n: r.depends for n, r in rooms.items()}, {"base": set(), "model": {"base"}, "top": {"model"}})

    def test_an_include_that_is_not_declared(self):
        self.write("src/base/a.cpp", '// first\n  #  include "model/m.h"\n')
        self.breach('src/base/a.cpp:2: #include "model/m.h": base does not name model')

    def test_an_include_that_only_a_dependency_may(self):
        self.write("src/top/deep/u.h", '#include "base/a.h"\n')
        self.breach("src/top/deep/u.h:1")

    def test_the_abi_is_named_like_a_room(self):
        self.write("src/top/u.h", '#include "abi/event.h"\n')
        self.breach("does not name abi")
        self.write("src/top/CMakeLists.txt", "telegen_room(top DEPENDS model abi SOURCES t.cpp)\n")
        self.assertEqual(check_rooms.check(self.root), [])

    def test_a_room_inside_another_is_its_own(self):
        self.room("top/inner", "telegen_room(inner DEPENDS base SOURCES i.cpp)")
        self.write("src/top/inner/i.cpp", '#include "base/a.h"\n#include "top/inner/i.h"\n')
        self.assertEqual(check_rooms.check(self.root), [])
        self.write("src/top/t.cpp", '#include "top/inner/i.h"\n')
        self.breach("top does not name inner")

    def test_a_circle(self):
        self.write("src/base/CMakeLists.txt", "telegen_room(base DEPENDS top SOURCES a.cpp)\n")
        self.breach("base → top → model → base")

    def test_an_unknown_dependency(self):
        self.write("src/base/CMakeLists.txt", "telegen_room(base DEPENDS attic SOURCES a.cpp)\n")
        self.breach("attic, which is no room")

    def test_a_missing_readme(self):
        (self.root / "src/top/README.md").unlink()
        self.breach("no README.md")

    def test_a_long_file(self):
        self.write("tests/unit/long.cpp", "x\n" * 601)
        self.breach("601 lines")

    def test_a_file_in_no_room(self):
        self.write("src/stray.h", "\n")
        self.breach("lies in no room")

    def test_no_rooms_at_all(self):
        with tempfile.TemporaryDirectory() as empty:
            (Path(empty) / "src").mkdir()
            self.assertIn("nothing was checked", check_rooms.check(Path(empty))[0])


if __name__ == "__main__":
    unittest.main()
