//! How long each of the hot [`pieces`] takes: `cargo bench -p redis-tests --bench hot`.

mod pieces;

use divan::Bencher;
use pieces::{PIECES, Piece};

/// Far more than the caches hold.
const MANY: usize = 1_000_000;

fn main() {
    divan::main();
}

#[divan::bench(args = PIECES)]
fn piece(bencher: Bencher<'_, '_>, piece: &Piece) {
    bencher.bench_local((piece.prepare)(MANY));
}
