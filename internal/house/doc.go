// Package house holds no code: its test states which package of this module may import which.
package house
