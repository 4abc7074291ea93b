// SPDX-License-Identifier: Apache-2.0
//
// Resources: what a worker lends to its sessions, exchanges and fetches. Owner: the Worker, which
// outlives them all. Worker's thread only.
#pragma once

#include <memory>
#include <vector>

#include "event/background.h"
#include "event/loop.h"
#include "log/record.h"
#include "log/ring.h"
#include "net/client_counts.h"
#include "net/own_addresses.h"
#include "net/resolver.h"
#include "origin/connections.h"
#include "proxy/coded_body.h"
#include "proxy/generation.h"
#include "proxy/h2_origins.h"
#include "proxy/session.h"
#include "rules/limits.h"

namespace weir::proxy {

struct H1Work;
class H2Stream;
class Logins;
class Purger;
class UdpPlaces;

struct Resources {
  Resources(event::Loop& worker_loop, std::uint16_t worker, net::ResolverSettings dns,
            event::BackgroundPool& io_pool, net::ClientCounts& client_counts,
            rules::Limits& request_limits, log::LogRing* log_ring);
  ~Resources();

  event::Loop& loop;
  const std::uint16_t worker_number;
  net::Resolver resolver;
  origin::OriginConnections connections;
  H2Origins h2_origins;
  event::BackgroundPool& io;
  net::ClientCounts& clients;
  rules::Limits& limits;
  Purger* purger = nullptr;                    // null: nothing is purged (tests)
  Logins* logins = nullptr;                    // null: nobody can log in (tests)
  event::BackgroundPool* background = nullptr; // null: nothing is made behind answers (tests)
  UdpPlaces* udp_places = nullptr;             // null: no UDP sessions (tests)
  log::LogRing* ring;                          // null: no access log
  log::RequestIds ids;
  CodingTurns coding;
  bool short_of_memory = false;                 // nothing is fetched (memory-limit)
  List<Session, SessionTag> sessions;           // of the clients; each retires itself
  GenerationRef generation;                     // the newest one
  std::shared_ptr<const net::OwnAddresses> own; // replaced by a reload

  const config::Options& options(const ListenPlace& place) const noexcept {
    return generation->listen(place).options;
  }
  const net::OwnAddresses& own_addresses() const noexcept { return *own; }

  /// A connection with a place reserved begins under this client's name. False: it has too many,
  /// which has been noted.
  bool enter(const Address& client);
  /// The end of such a connection.
  void leave(const Address& client) noexcept;
  /// A row of the access log about a connection, of which no request need be there.
  void note_connection(const Address& client, std::string_view http, std::string_view end);
  /// A Fill that is started here: it leaves when it is over, and is ended with the worker.
  void keep_fill(cache::Fill& fill) { fills_.push_back(fill); }
  void end_fills();

  std::unique_ptr<H1Work> lend_work();
  void give_back(std::unique_ptr<H1Work> work);
  std::unique_ptr<H2Stream> lend_stream();
  void give_back(std::unique_ptr<H2Stream> stream);

private:
  std::vector<std::unique_ptr<H1Work>> free_work_;
  std::vector<std::unique_ptr<H2Stream>> free_streams_;
  List<cache::Fill, cache::BornTag> fills_; // active ones; they own themselves
};

} // namespace weir::proxy
