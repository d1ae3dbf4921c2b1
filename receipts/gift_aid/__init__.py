"""Gift Aid: a UK taxpayer's declaration, and the claims on it that a charity sends to HM Revenue & Customs."""
