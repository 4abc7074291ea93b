// SPDX-License-Identifier: Apache-2.0
#include "proxy/tls_setup.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "base/account.h"

namespace weir::proxy {

namespace {

std::string date_of(WallTime time) {
  auto days = std::chrono::floor<std::chrono::days>(time);
  std::chrono::year_month_day date(days);
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

/// The line of the file that a message quotes; empty if it cannot be read any more.
std::string line_of(const std::string& file, std::uint32_t number) {
  std::ifstream in(file);
  std::string line;
  for (std::uint32_t i = 0; i < number; ++i) {
    if (!std::getline(in, line)) {
      return {};
    }
  }
  return line;
}

class Setup {
public:
  Setup(const config::Config& config, net::TicketKeys* tickets, WallTime now)
      : config_(config), tickets_(tickets), now_(now) {}

  TlsSetup run() {
    for (const config::ForwardDecl& forward : config_.forwards) {
      for (const config::ListenDecl& listen : forward.listens) {
        add(listen, "forward " + forward.name, nullptr);
      }
    }
    for (const config::SiteDecl& site : config_.sites) {
      for (const config::ListenDecl& listen : site.listens) {
        add(listen, "site " + site.name, &site);
      }
    }
    for (const auto& [address, part] : parts_) {
      finish(address, part);
    }
    for (const config::PoolDecl& pool : config_.pools) {
      bool any = std::any_of(pool.servers.begin(), pool.servers.end(),
                             [](const auto& server) { return server.tls; });
      out_.pools.push_back(any ? client(pool.tls, pool.options, pool.at, pool.http2) : nullptr);
      out_.pools_http1.push_back(any && pool.http2 ? client(pool.tls, pool.options, pool.at, false)
                                                   : nullptr);
    }
    for (const config::ForwardDecl& forward : config_.forwards) {
      out_.forwards.push_back(client(forward.tls, forward.options, forward.at, false));
    }
    return std::move(out_);
  }

private:
  struct Part { // of one address
    net::TlsServerSettings settings;
    const config::ListenDecl* first = nullptr;
    std::vector<const config::SiteDecl*> sites;
  };

  void tell(config::Severity severity, const config::Position& at, std::string what) {
    config::Diagnostic told;
    told.severity = severity;
    told.file = at.file < config_.files.size() ? config_.files[at.file] : "";
    told.line = at.line;
    told.column = at.column;
    told.length = at.length;
    told.what = std::move(what);
    told.source = line_of(told.file, at.line);
    out_.good = out_.good && severity != config::Severity::error;
    out_.diagnostics.push_back(std::move(told));
  }

  /// Each file is read, and told about, once.
  Ref<const net::TlsCertificate> load(const config::CertDecl& decl) {
    auto [at, fresh] = loaded_.try_emplace({decl.cert, decl.key});
    if (fresh) {
      std::string problem;
      std::vector<std::string> warnings;
      at->second = net::TlsCertificate::load(decl.cert, decl.key, problem, warnings);
      if (!at->second) {
        tell(config::Severity::error, decl.at, problem);
        return nullptr;
      }
      if (const std::string& key = decl.key.empty() ? decl.cert : decl.key; is_open_to_all(key)) {
        tell(config::Severity::warning, decl.at,
             fmt::format("the key {} can be read by every user of this system: chmod o-r", key));
      }
      for (std::string& warning : warnings) {
        tell(config::Severity::warning, decl.at, std::move(warning));
      }
      if (std::string end = tell_end(*at->second, now_); !end.empty()) {
        tell(config::Severity::warning, decl.at, decl.cert + " " + end);
      }
    }
    return at->second;
  }

  void add(const config::ListenDecl& listen, const std::string& name,
           const config::SiteDecl* site) {
    if (!listen.tls) {
      return;
    }
    Part& part = parts_[listen.address];
    if (part.first == nullptr) {
      part.first = &listen;
      part.settings.tickets = tickets_;
      if (listen.speaks_http2()) {
        part.settings.protocols.emplace_back("h2");
      }
      if (listen.speaks_http1()) {
        part.settings.protocols.emplace_back("http/1.1");
      }
      part.settings.client =
          listen.ask_cert == config::AskCert::required   ? net::ClientCertificate::required
          : listen.ask_cert == config::AskCert::optional ? net::ClientCertificate::optional
                                                         : net::ClientCertificate::none;
      part.settings.client_ca = listen.client_ca;
    }
    if (site != nullptr) {
      part.sites.push_back(site);
    }
    for (const config::CertDecl& decl : listen.certs) {
      auto certificate = load(decl);
      if (!certificate) {
        continue;
      }
      auto& all = part.settings.certificates;
      if (std::find(all.begin(), all.end(), certificate) == all.end()) {
        all.push_back(certificate);
      }
      out_.certificates.push_back({name, listen.address, config_.where(decl.at), certificate});
    }
  }

  /// Those that say the same share one: what is believed is read once.
  Ref<const net::TlsClient> client(const config::OriginTls& decl, const config::Options& options,
                                   const config::Position& at, bool http2) {
    auto [known, fresh] =
        clients_.try_emplace({options.pool_verify, http2, decl.ca, decl.own.cert, decl.own.key});
    if (fresh) {
      known->second = make_client(decl, options, at, http2);
    }
    return known->second;
  }

  Ref<const net::TlsClient> make_client(const config::OriginTls& decl,
                                        const config::Options& options, const config::Position& at,
                                        bool http2) {
    net::TlsClientSettings settings;
    settings.verify = options.pool_verify;
    settings.ca = decl.ca;
    settings.protocols = {http2 ? "h2" : "http/1.1"};
    if (!decl.own.cert.empty()) {
      settings.certificate = load(decl.own);
      if (!settings.certificate) {
        return nullptr;
      }
    }
    std::string problem;
    auto made = net::TlsClient::make(settings, problem);
    if (!made) {
      tell(config::Severity::error, decl.ca_at.written() ? decl.ca_at : at, problem);
    }
    return made;
  }

  void finish(const Address& address, const Part& part) {
    if (part.settings.certificates.empty()) {
      return; // that has been told
    }
    std::string problem;
    auto server = net::TlsServer::make(part.settings, problem);
    if (!server) {
      tell(config::Severity::error, part.first->at, problem);
      return;
    }
    out_.listeners.push_back({address, std::move(server)});
    for (const config::SiteDecl* site : part.sites) {
      for (const config::HostPattern& host : site->names) {
        if (host.kind == config::HostPattern::Kind::exact && !is_covered(host.text, part)) {
          tell(config::Severity::warning, host.at,
               fmt::format("no certificate on {} is for {}", address.to_string(), host.text));
        }
      }
    }
  }

  static bool is_covered(const std::string& host, const Part& part) {
    return std::any_of(part.settings.certificates.begin(), part.settings.certificates.end(),
                       [&](const auto& certificate) { return certificate->covers(host); });
  }

  const config::Config& config_;
  net::TicketKeys* tickets_;
  const WallTime now_;
  std::map<std::pair<std::string, std::string>, Ref<const net::TlsCertificate>> loaded_;
  std::map<std::tuple<bool, bool, std::string, std::string, std::string>,
           Ref<const net::TlsClient>>
      clients_; // by verify, HTTP/2, ca, certificate, key
  std::map<Address, Part> parts_;
  TlsSetup out_;
};

} // namespace

Ref<const net::TlsServer> TlsSetup::at(const Address& address) const {
  for (const TlsListener& each : listeners) {
    if (each.address == address) {
      return each.server;
    }
  }
  return nullptr;
}

TlsSetup set_up_tls(const config::Config& config, net::TicketKeys* tickets, WallTime now) {
  return Setup(config, tickets, now).run();
}

std::string tell_end(const net::TlsCertificate& certificate, WallTime now) {
  int days = certificate.days_left(now);
  if (certificate.begins() > now) {
    return "is not valid before " + date_of(certificate.begins());
  }
  if (days < 0) {
    return fmt::format("has ended ({})", date_of(certificate.ends()));
  }
  if (days <= net::kDaysToWarn) {
    return fmt::format("ends in {} days ({})", days, date_of(certificate.ends()));
  }
  return {};
}

} // namespace weir::proxy
