package crlder

// parseFreshestCRL returns the URIs where delta CRLs are (§5.2.6); the extension has the form of cRLDistributionPoints.
func parseFreshestCRL(v der) ([]string, error) {
	points, err := distributionPoints(v, "freshestCRL", "RFC 5280 §5.2.6")
	var uris []string
	for i := range points {
		uris = append(uris, urisOf(points[i].FullNames)...)
	}
	return uris, err
}
