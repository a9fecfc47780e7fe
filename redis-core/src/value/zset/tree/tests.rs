//! Against a `Vec`, with every invariant checked.

use super::node::EDGE;
use super::*;
use crate::rng::below;

impl Node {
    /// Checks all that must be true below, and appends the keys. Returns the depth.
    fn check(&self, at_end: [bool; 2], is_root: bool, keys: &mut Vec<Key>) -> usize {
        assert!(self.len() <= CAPACITY);
        let least = if is_root {
            0
        } else if at_end.contains(&true) {
            EDGE
        } else {
            SPARSE
        };
        assert!(self.len() >= least, "{} keys or children", self.len());
        match self {
            Self::Leaf(run) => {
                keys.extend((0..run.len()).map(|at| run.get(at)));
                1
            }
            Self::Inner(inner) => {
                let len = inner.firsts.len();
                assert!(len >= 2);
                assert_eq!((inner.counts.len(), inner.children.len()), (len, len));
                let depths: Vec<_> = (0..len)
                    .map(|at| {
                        let before = keys.len();
                        let child = &inner.children[at];
                        let at_end = [at_end[0] && at == 0, at_end[1] && at == len - 1];
                        let depth = child.check(at_end, false, keys);
                        assert_eq!(inner.counts[at] as usize, keys.len() - before);
                        assert_eq!(inner.firsts.get(at), keys[before]);
                        depth
                    })
                    .collect();
                assert!(depths.iter().all(|depth| *depth == depths[0]));
                1 + depths[0]
            }
        }
    }
}

fn key(number: usize) -> Key {
    Key { score: number as f64, slot: Slot::numbered(number as u32) }
}

fn check(tree: &Tree, model: &[Key]) {
    let mut keys = Vec::new();
    tree.root.check([true; 2], true, &mut keys);
    assert_eq!(keys, model);
    assert_eq!(tree.len(), model.len());
    assert!(tree.range(0..model.len()).eq(model.iter().copied()));
    assert!(tree.range(0..model.len()).rev().eq(model.iter().rev().copied()));
}

/// Keys per place for keys in the leaves.
fn occupancy(tree: &Tree) -> f64 {
    fn leaves(node: &Node) -> usize {
        match node {
            Node::Leaf(_) => 1,
            Node::Inner(inner) => inner.children.iter().map(leaves).sum(),
        }
    }
    tree.len() as f64 / (leaves(&tree.root) * CAPACITY) as f64
}

#[test]
fn a_leaf_fits_its_class() {
    assert_eq!(size_of::<Run>(), 760);
}

#[test]
fn the_tree_does_what_a_vector_does() {
    for growth in [55, 70, 95] {
        let (mut tree, mut model) = (Tree::default(), Vec::new());
        // It grows, and shrinks to nothing.
        for step in 0..12_000 {
            let grows = below(100) < if step < 6_000 { growth } else { 100 - growth };
            if grows {
                let rank = match step % 3 {
                    0 => below(model.len() + 1),
                    1 => model.len(),
                    _ => below(model.len() + 1).min(below(20)),
                };
                tree.insert(rank, key(step));
                model.insert(rank, key(step));
            } else if !model.is_empty() {
                let rank = if step % 2 == 0 { 0 } else { below(model.len()) };
                assert_eq!(tree.remove(rank), model.remove(rank));
            }
            if !model.is_empty() && step % 5 == 0 {
                let rank = below(model.len());
                tree.set(rank, key(step));
                model[rank] = key(step);
            }
            if step % 100 == 0 {
                check(&tree, &model);
            }
        }
        while !model.is_empty() {
            let rank = below(model.len());
            assert_eq!(tree.remove(rank), model.remove(rank));
        }
        check(&tree, &model);
    }
}

#[test]
fn sorted_keys_are_found_by_halves() {
    let mut tree = Tree::default();
    (0..10_000).for_each(|number| tree.insert(number, key(2 * number)));
    for number in [0_usize, 1, 2, 63, 64, 5_000, 19_997, 19_998, 19_999, 30_000] {
        let expected = number.div_ceil(2).min(10_000);
        assert_eq!(tree.partition_point_by_score(|score| score < number as f64), expected);
    }
    let (mut keys, mut both) = (tree.range(100..9_900), Vec::new());
    while let (Some(first), Some(last)) = (keys.next(), keys.next_back()) {
        both.push(last.score - first.score);
    }
    assert_eq!((both.len(), both[0], both[4_899]), (4_900, 19_598.0, 2.0));
}

#[test]
fn leaves_are_well_filled() {
    let (mut ascending, mut descending, mut random) = (Tree::default(), Tree::default(), Tree::default());
    for number in 0..50_000 {
        ascending.insert(number, key(number));
        descending.insert(0, key(number));
        random.insert(below(number + 1), key(number));
    }
    let occupancies = [&ascending, &descending, &random].map(occupancy);
    assert!(occupancies[0] > 0.95 && occupancies[1] > 0.95 && occupancies[2] > 0.8, "{occupancies:?}");
}
