// SPDX-License-Identifier: Apache-2.0
//
// Daemon: what the administrator's verbs ask of the running server; server/ implements it, tests
// have one of their own.  The facts below are values, made for one answer.
//
// Everything is called on the main thread, and none of it waits: what takes time tells `done`
// later, on the main thread, once. `done` only records and wakes; it may be called after its
// session has gone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "admin/verb_table.h"
#include "base/address.h"
#include "base/clock.h"
#include "config/source.h"
#include "event/background.h"
#include "log/subscription.h"
#include "metrics/metrics.h"
#include "metrics/rates.h"

namespace weir::proxy {
class Generation;
}
namespace weir::rules {
class Limits;
}

namespace weir::admin {

struct WarmAsk; // warm_plan.h

struct ListenerFacts {
  std::string kind; // "forward", "site", "admin"
  std::string name; // the forward's name, the site's first name; several sites: the first one's
  Address address;  // as bound: with the port the kernel gave
  IpProtocol protocol = IpProtocol::tcp;
};

struct DiskFacts {
  std::string path;
  std::string state; // "ok", "failed", "absent"
  std::string error; // why it is not ok; empty: it is
  std::uint64_t bytes = 0;
  std::uint64_t capacity = 0;
  std::uint64_t objects = 0;
  std::uint64_t queue_bytes = 0; // waiting to be written
};

struct CacheFacts {
  std::string name;
  std::uint64_t memory_used = 0;
  std::uint64_t memory_limit = 0;
  std::uint64_t memory_room = 0; // of it, what entries may take now (cache_kept_free_bytes)
  std::uint64_t entries = 0;
  std::uint64_t fill_bytes = 0; // of responses that are arriving
  std::uint64_t marks = 0;      // hit-for-miss
  std::uint64_t evictions = 0;
  std::vector<DiskFacts> disk; // none or one
};

struct ServerFacts {
  std::string label; // "host:port"
  std::uint64_t in_use = 0;
  std::uint64_t waiting = 0;
  std::uint64_t requests = 0;
  std::uint64_t failures = 0;
  std::string health; // "up", "down", "unknown"; empty: it is not checked
  std::string check;  // what the last one said
};

struct PoolFacts {
  std::string name;
  std::vector<ServerFacts> servers;
};

struct LogFacts {
  bool on = false; // there is an SQLite log
  std::string directory;
  std::uint64_t rows = 0;    // written since the start
  std::uint64_t dropped = 0; // lost since the start
  Duration lag{};            // age of the oldest record that waits
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  bool failing = false;
  std::string error; // the last one; empty: never
};

struct ListFacts {
  std::string name;
  std::uint64_t entries = 0;
  std::uint64_t bad_lines = 0;
  std::string problem; // the last one when it was read; empty: none
};

/// The whole of `status`. Counters that metrics.def has are read from there.
struct StatusFacts {
  std::string version;
  std::int64_t pid = 0;
  std::string user;      // whom it works as
  bool confined = false; // system calls are filtered
  WallTime started{};
  Duration uptime{};
  bool stopping = false;
  std::uint64_t generation = 0;
  WallTime loaded{};        // when this generation came into force
  std::string file;         // what a reload reads; empty: the embedded default
  std::string reload_error; // of the last reload, if it failed
  std::uint64_t workers = 0;
  std::uint64_t connections = 0; // clients connected now
  std::uint64_t fills = 0;       // fetches for the cache under way
  metrics::Rates rates;          // of about the last minute
  std::vector<ListenerFacts> listeners;
  std::vector<CacheFacts> caches;
  std::vector<PoolFacts> pools;
  std::vector<ListFacts> lists;
  LogFacts log;
};

struct ReloadOutcome {
  bool ok = false;
  std::uint64_t generation = 0; // in force now
  std::vector<config::Diagnostic> diagnostics;
  std::vector<std::string> notes; // "workers does not change by a reload"; on failure: why
};

struct PurgeAsk {
  enum class What : std::uint8_t { url, prefix, host, tag, filter };
  What what = What::url;
  // url, prefix: in the parts that cache::KeyParts has, normalised.
  std::string scheme; // "http", "https"
  std::string host;
  std::uint16_t port = 0;
  std::string target; // path?query; of a prefix: its beginning
  std::string name;   // host, tag; the text of a filter
  std::string text;   // as it was asked, for people
  std::string realm;  // a forward's or a site's name; empty: all of them
  bool hard = false;  // drops; else what is named becomes stale
  bool dry_run = false;
  bool wait = false; // `done` when it has been carried out everywhere, not when it is in force
};

struct PurgeOutcome {
  std::uint64_t number = 0;  // of the purge; 0 for a dry run
  bool counted = false;      // the two below are known
  std::uint64_t dropped = 0; // stored responses that it named, of all tiers
  std::uint64_t bytes = 0;   // of their bodies
  std::string error;         // carried out, but not recorded, and why; empty: it is durable
};

/// One purge of this run, or one that the last run left.
struct PurgeFacts {
  std::uint64_t number = 0;
  WallTime at{};
  std::string text;
  std::string realm;
  bool hard = false;
  bool done = false;
  std::uint64_t seen = 0;
  std::uint64_t total = 0; // an estimate
  std::uint64_t matched = 0;
  std::uint64_t bytes = 0;
};

/// The last `cache warm`, or the one under way.
struct WarmFacts {
  enum class State : std::uint8_t {
    none,    // there was none
    listing, // finds out what is not stored
    running,
    waiting, // for clients to be fewer
    stopped,
    done,
  };
  State state = State::none;
  Exit exit = Exit::ok;
  std::string error; // why it was not begun; empty: it was
  WallTime started{};
  double rate = 0;
  std::uint64_t found = 0;
  std::uint64_t fresh = 0;   // stored already
  std::uint64_t skipped = 0; // that no cache may answer
  std::uint64_t fetched = 0;
  std::uint64_t failed = 0;
  std::uint64_t left = 0;
  std::vector<std::string> failures; // and what was skipped, with the reason: some of them
};

enum class StopMode : std::uint8_t {
  drain, // responses under way end first, within the grace time
  now,
};

class Daemon {
public:
  virtual ~Daemon() = default;

  virtual std::shared_ptr<const proxy::Generation> generation() const = 0;
  virtual StatusFacts status() const = 0;
  virtual const metrics::Metrics& metrics() const = 0;
  virtual rules::Limits& limits() = 0;
  /// Live records; null: there is no log.
  virtual log::Subscriptions* subscriptions() = 0;
  /// Of the partitions; empty: there is no SQLite log.
  virtual std::string log_directory() const = 0;
  /// Threads for what blocks (queries, reading the disk tier). Ends its jobs before the main loop
  /// goes.
  virtual event::BackgroundPool& background() = 0;

  /// Reads the file again. One at a time: a second one while it runs is told the outcome of a run
  /// begun after it.
  virtual void reload(std::function<void(ReloadOutcome)> done) = 0;
  virtual void purge(const PurgeAsk& ask, std::function<void(PurgeOutcome)> done) = 0;
  /// The newest first.
  virtual std::vector<PurgeFacts> purges() const = 0;
  /// `done`: it has begun, or why not.
  virtual void warm(const WarmAsk& ask, std::function<void(WarmFacts)> done) = 0;
  virtual void stop_warm() = 0;
  virtual WarmFacts warm_facts() const = 0;
  /// Begins; the answer has been sent when it is called.
  virtual void stop(StopMode mode) = 0;
};

} // namespace weir::admin
