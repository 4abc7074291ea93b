// SPDX-License-Identifier: Apache-2.0
//
// A small DNS server over UDP on loopback for tests, on the test's own loop. For every question it
// asks its script, which answers with records, with an rcode, with raw bytes, or not at all.
#pragma once

#include <sys/socket.h>

#include <array>
#include <catch2/catch.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "event/watch.h"
#include "net/socket.h"

namespace weir::net::test {

constexpr unsigned kA = 1;
constexpr unsigned kCname = 5;
constexpr unsigned kAaaa = 28;

struct DnsRecord {
  unsigned type = kA;
  unsigned ttl = 0;
  std::string value; // an address, or the target of a CNAME
};

struct DnsReply {
  enum Kind { silence, records, cut, raw } kind = silence;
  unsigned rcode = 0;
  std::vector<DnsRecord> answers = {}; // cut: the last two bytes are missing
  std::string bytes = {};              // raw: all after the id
};

class DnsServer final : public event::Task {
public:
  explicit DnsServer(event::Loop& loop)
      : fd_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_storage to{};
    auto size = Address::parse("127.0.0.1")->to_sockaddr(to);
    REQUIRE(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&to), size) == 0);
    address_ = local_address(fd_.get());
    watch_ = std::make_unique<event::LevelWatch>(loop, fd_.get(), event::LevelWatch::kRead, *this);
  }

  Address address() const { return address_; }
  /// Nobody listens any more: the kernel refuses what comes.
  void die() {
    watch_.reset();
    fd_.close();
  }

  std::function<DnsReply(const std::string& name, unsigned type)> script;
  std::vector<std::string> asked; // "name/type" of every question

  void run() override {
    std::array<char, 1500> packet{};
    sockaddr_storage from{};
    socklen_t size = sizeof from;
    auto* name = reinterpret_cast<sockaddr*>(&from);
    ssize_t n;
    while (watch_ &&
           (n = ::recvfrom(fd_.get(), packet.data(), packet.size(), 0, name, &size)) > 0) {
      std::string reply = answer({packet.data(), static_cast<std::size_t>(n)});
      if (!reply.empty()) {
        ::sendto(fd_.get(), reply.data(), reply.size(), 0, name, size);
      }
    }
    if (watch_) {
      watch_->take_ready();
    }
  }

private:
  static void put(std::string& out, unsigned value, int bytes) {
    for (int i = bytes - 1; i >= 0; --i) {
      out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
    }
  }
  static std::string encode(std::string_view host) {
    std::string out;
    while (!host.empty()) {
      auto dot = std::min(host.find('.'), host.size());
      out.push_back(static_cast<char>(dot));
      out += host.substr(0, dot);
      host.remove_prefix(std::min(dot + 1, host.size()));
    }
    out.push_back('\0');
    return out;
  }
  static std::string rdata(const DnsRecord& record) {
    if (record.type == kCname) {
      return encode(record.value);
    }
    auto address = Address::parse(record.value);
    const auto& b = address->bytes();
    std::string all(reinterpret_cast<const char*>(b.data()), b.size());
    return address->is_v4() ? all.substr(12) : all;
  }

  std::string answer(std::string_view query) {
    std::string host;
    std::size_t at = 12;
    while (at < query.size() && query[at] != '\0') {
      auto length = static_cast<std::size_t>(query[at]);
      host += (host.empty() ? "" : ".") + std::string(query.substr(at + 1, length));
      at += length + 1;
    }
    auto type = static_cast<unsigned char>(query[at + 2]);
    asked.push_back(host + "/" + (type == kA ? "A" : type == kAaaa ? "AAAA" : "?"));
    DnsReply reply = script ? script(host, type) : DnsReply{};
    if (reply.kind == DnsReply::silence) {
      return {};
    }
    std::string out(query.substr(0, 2));
    if (reply.kind == DnsReply::raw) {
      return out + reply.bytes;
    }
    put(out, 0x8180 | reply.rcode, 2);
    put(out, 1, 2);
    put(out, static_cast<unsigned>(reply.answers.size()), 2);
    put(out, 0, 4);
    out += query.substr(12, at + 5 - 12);
    std::string owner = host;
    for (const auto& record : reply.answers) {
      std::string data = rdata(record);
      out += encode(owner);
      put(out, record.type, 2);
      put(out, 1, 2);
      put(out, record.ttl, 4);
      put(out, static_cast<unsigned>(data.size()), 2);
      out += data;
      owner = record.type == kCname ? record.value : owner;
    }
    return reply.kind == DnsReply::cut ? out.substr(0, out.size() - 2) : out;
  }

  Fd fd_;
  Address address_;
  std::unique_ptr<event::LevelWatch> watch_;
};

} // namespace weir::net::test
