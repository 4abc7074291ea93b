// SPDX-License-Identifier: Apache-2.0
#include "proxy/fetch.h"

#include "proxy/h1_fetch.h"
#include "proxy/h2_fetch.h"

namespace weir::proxy {

std::unique_ptr<Fetch> make_fetch(Resources& resources, std::unique_ptr<FetchPlan> plan) {
  if (plan->http2) {
    return std::make_unique<H2Fetch>(resources, std::move(plan));
  }
  return std::make_unique<H1Fetch>(resources, std::move(plan));
}

} // namespace weir::proxy
