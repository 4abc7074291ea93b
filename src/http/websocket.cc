// SPDX-License-Identifier: Apache-2.0
#include "http/websocket.h"

#include <openssl/evp.h>

#include <array>
#include <cstring>

#include "base/hash.h"
#include "base/result.h"

namespace weir::http {

namespace {

std::string base64(const unsigned char* bytes, int size) {
  std::array<unsigned char, 64> text{};
  int length = EVP_EncodeBlock(text.data(), bytes, size);
  return {reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(length)};
}

} // namespace

std::string make_websocket_key() {
  HashKey random = HashKey::random();
  std::array<unsigned char, sizeof random> bytes;
  std::memcpy(bytes.data(), &random, sizeof random);
  return base64(bytes.data(), static_cast<int>(bytes.size()));
}

std::string websocket_accept(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
    panic("OpenSSL has no SHA-1");
  }
  return base64(digest.data(), static_cast<int>(size));
}

} // namespace weir::http
