// SPDX-License-Identifier: Apache-2.0
#include "server/cert_watch.h"

#include <algorithm>

#include "base/errlog.h"
#include "metrics/metrics.h"

namespace weir::server {

namespace {
constexpr Duration kLookEvery = std::chrono::hours(1);
constexpr Duration kTellEvery = std::chrono::hours(24);
} // namespace

void CertWatch::look() {
  tell(true);
  next_.arm(loop_, kLookEvery, *this);
}

void CertWatch::run() {
  if (next_.passed()) {
    tell(Clock::wall() - told_ >= kTellEvery);
    next_.arm(loop_, kLookEvery, *this);
  }
}

void CertWatch::tell(bool loud) {
  WallTime now = Clock::wall();
  std::vector<const net::TlsCertificate*> ending;
  int least = 0;
  bool first = true;
  for (const proxy::CertificateUse& use : lasting_.now->certificates) {
    int days = use.certificate->days_left(now);
    least = first ? days : std::min(least, days);
    first = false;
    std::string end = proxy::tell_end(*use.certificate, now);
    bool known = std::find(ending.begin(), ending.end(), use.certificate.get()) != ending.end();
    if (end.empty() || known) {
      continue;
    }
    ending.push_back(use.certificate.get());
    if (loud) {
      log_warn("tls: the certificate {} ({}) {}", use.certificate->file(), use.listener, end);
    }
  }
  told_ = loud ? now : told_;
  metrics::set(metrics::Metric::tls_certificates_ending, static_cast<std::int64_t>(ending.size()));
  metrics::set(metrics::Metric::tls_certificate_days_left, least);
}

} // namespace weir::server
