// SPDX-License-Identifier: Apache-2.0
//
// What the file says of pools: their servers, how these are spoken to and checked. Values; part of
// Config.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/options.h"
#include "config/source.h"

namespace weir::config {

struct ServerDecl {
  std::string host; // name in lower case, or address without brackets
  std::uint16_t port = 0;
  std::uint32_t weight = 1;
  bool tls = false;
  std::string sni; // the name asked for and checked; empty: the host
  Position at;
};

/// A certificate with its chain, and its key.
struct CertDecl {
  std::string cert;
  std::string key; // empty: in the same file
  Position at;
};

/// How origins are spoken to where that is by TLS.
struct OriginTls {
  CertDecl own;   // shown to them; without a file: none
  std::string ca; // file; empty: the system's store
  Position ca_at;
};

/// Whether connections begin with a PROXY header of ours.
enum class SendProxy : std::uint8_t { no, v1, v2 };

enum class Balance : std::uint8_t { round_robin };

/// How the servers of a pool are asked whether they are well.
struct CheckDecl {
  enum class Kind : std::uint8_t { none, connect, get };
  struct Statuses {
    std::uint16_t first = 0;
    std::uint16_t last = 0;
  };
  Kind kind = Kind::none;
  std::string path;             // and query, of a GET
  std::string host;             // in Host; empty: the server's own
  std::vector<Statuses> status; // the good ones
  Duration every{};
  Duration timeout{};
  std::uint32_t rise = 0;
  std::uint32_t fall = 0;
  Position at;
};

struct PoolDecl {
  std::string name;
  std::vector<ServerDecl> servers;
  Balance balance = Balance::round_robin;
  OriginTls tls;
  SendProxy send_proxy = SendProxy::no;
  bool http2 = false; // spoken to all servers
  CheckDecl check;
  Options options; // connect_timeout, answer_timeout, retry, connections, ...
  Position at, balance_at, send_proxy_at, http2_at;
};

} // namespace weir::config
