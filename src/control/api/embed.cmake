# cmake -DIN=index.html -DOUT=status_page.cpp -P embed.cmake: a file as a byte array (a string literal has a size limit).
file(READ ${IN} bytes HEX)
string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
string(REGEX REPLACE "(0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,0x..,)" "\\1\n" bytes "${bytes}")
file(WRITE ${OUT} "#include \"control/api/status_page.h\"

namespace telegen {
namespace {
constexpr unsigned char kPage[] = {
${bytes}};
}  // namespace

std::string_view status_page() { return {reinterpret_cast<const char*>(kPage), sizeof kPage}; }
}  // namespace telegen
")
