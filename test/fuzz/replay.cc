// SPDX-License-Identifier: Apache-2.0
//
// The main of every fuzz target in `make check`: gives it each file of test/fuzz/corpus/NAME (NAME
// is the program's, without _fuzz), each of its beginnings up to 4 KiB, and the empty input. With
// arguments: these files instead. Under clang libFuzzer takes its place (`make fuzz`).
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

/// A copy of its exact size, so that ASan sees a read beyond the end.
void give(const std::string& text, std::size_t size) {
  std::vector<std::uint8_t> exact(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

void replay(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  std::size_t step = std::max<std::size_t>(1, text.size() / 512);
  for (std::size_t size = 0; size < text.size() && size < 4096; size += step) {
    give(text, size);
  }
  give(text, text.size());
}

std::vector<fs::path> corpus_of(std::string program) {
  if (program.ends_with("_fuzz")) {
    program.resize(program.size() - 5);
  }
  const char* srcdir = std::getenv("srcdir");
  fs::path folder = fs::path(srcdir == nullptr ? "." : srcdir) / "test/fuzz/corpus" / program;
  std::vector<fs::path> files;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(folder, none)) {
    if (entry.is_regular_file()) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

} // namespace

int main(int argc, char** argv) {
  std::vector<fs::path> files(argv + 1, argv + argc);
  if (files.empty()) {
    files = corpus_of(fs::path(argv[0]).filename().string());
  }
  give("", 0);
  for (const auto& file : files) {
    replay(file);
  }
  std::printf("%zu files replayed\n", files.size());
  // A target without a corpus tests nothing.
  return files.empty() ? 1 : 0;
}
