//! The cases of a space as one side's rules tell them apart: numbers, each worked out once for every combination of
//! the facts that decide it. Most cases differ from the one before in one fact only, and cost no more than that.

use std::collections::HashMap;

use super::situation::SideAct;
use super::space::Space;
use crate::cedar::{Assumed, Invariant, Memo, Reach, Under};

/// One side of an act over one space, asked case by case.
#[derive(Debug)]
pub(crate) struct Sheet<'a> {
    space: &'a Space,
    side: &'a SideAct<'a>,
    columns: Vec<Column>,
    /// Those of the case that was looked at last.
    numbers: Vec<u32>,
    /// How far cases with the same numbers got.
    reached: HashMap<Vec<u32>, Reach>,
}

/// The places of the numbers that the same dimensions of the space decide.
#[derive(Debug)]
struct Column {
    dims: Vec<usize>,
    places: Vec<usize>,
    /// The values of these dimensions in the case that was looked at last.
    at: Vec<u16>,
    /// Whether all facts could be known then.
    known: bool,
    cells: HashMap<Vec<u16>, Option<Vec<u32>>>,
}

impl<'a> Sheet<'a> {
    pub(crate) fn new(memo: &mut Memo, space: &'a Space, side: &'a SideAct<'a>) -> Self {
        let mut columns: Vec<Column> = Vec::new();
        for (place, parts) in side.probe.parts().enumerate() {
            let dims = space.deciding(parts);
            match columns.iter_mut().find(|column| column.dims == dims) {
                Some(column) => column.places.push(place),
                None => columns.push(Column::new(dims, place)),
            }
        }
        let numbers = vec![0; side.probe.parts().count()];
        let mut sheet = Self { space, side, columns, numbers, reached: HashMap::new() };
        sheet.turn_to(memo, &vec![0; space.dims.len()], |_, _| true);
        sheet
    }

    /// How far a case gets.
    pub(super) fn reach(&mut self, memo: &mut Memo, key: &[u16]) -> Reach {
        if !self.look(memo, key) {
            return Reach::Refused;
        }
        if let Some(reach) = self.reached.get(&self.numbers) {
            return *reach;
        }
        let probe = &self.side.probe;
        let votes = self.answer(memo, key, |memo| probe.votes(memo, &self.numbers));
        let reach = votes.map_or(Reach::Refused, |votes| votes.reach(probe.ways(&self.numbers)));
        self.reached.insert(self.numbers.clone(), reach);
        reach
    }

    /// Where the rules allow what an invariant forbids.
    pub(crate) fn breaches(&mut self, memo: &mut Memo, key: &[u16], invariant: &Invariant) -> Under {
        if !self.look(memo, key) {
            return Under::default();
        }
        let answer = self.answer(memo, key, |memo| self.side.probe.breaches(memo, &self.numbers, invariant));
        answer.unwrap_or_default()
    }

    /// The rules that permit the case that was looked at last.
    pub(crate) fn permits(&self, memo: &Memo, assumed: Assumed) -> Vec<String> {
        self.side.probe.permits_of(memo, &self.numbers, assumed)
    }

    /// What is remembered of the case that is looked at; where nothing is, its rules are asked first.
    fn answer<T>(&self, memo: &mut Memo, key: &[u16], find: impl Fn(&Memo) -> Option<T>) -> Option<T> {
        find(memo).or_else(|| {
            self.side.with(&self.space.at(key), |case| self.side.probe.ask(memo, &self.numbers, case));
            find(memo)
        })
    }

    /// The numbers of a case; false when not all of its facts can be known.
    fn look(&mut self, memo: &mut Memo, key: &[u16]) -> bool {
        self.turn_to(memo, key, Column::has_moved);
        self.columns.iter().all(|column| column.known)
    }

    fn turn_to(&mut self, memo: &mut Memo, key: &[u16], moved: impl Fn(&Column, &[u16]) -> bool) {
        let mut new = Vec::new();
        for (at, column) in self.columns.iter_mut().enumerate().filter(|(_, column)| moved(column, key)) {
            if !column.turn_to(key, &mut self.numbers) {
                new.push(at);
            }
        }
        if new.is_empty() {
            return;
        }
        self.side.with(&self.space.at(key), |case| {
            for at in new {
                let column = &mut self.columns[at];
                let cell = self.side.probe.numbers(memo, case, &column.places);
                column.cells.insert(column.at.clone(), cell);
                column.turn_to(key, &mut self.numbers);
            }
        });
    }
}

impl Column {
    fn new(dims: Vec<usize>, place: usize) -> Self {
        Self { dims, places: vec![place], at: Vec::new(), known: false, cells: HashMap::new() }
    }

    fn has_moved(&self, key: &[u16]) -> bool {
        self.dims.iter().zip(&self.at).any(|(dim, at)| key[*dim] != *at)
    }

    /// Goes to the cell of a case, and says whether it is filled.
    fn turn_to(&mut self, key: &[u16], numbers: &mut [u32]) -> bool {
        self.at.clear();
        self.at.extend(self.dims.iter().map(|dim| key[*dim]));
        let Some(cell) = self.cells.get(&self.at) else { return false };
        self.known = cell.is_some();
        for (place, number) in self.places.iter().zip(cell.iter().flatten()) {
            numbers[*place] = *number;
        }
        true
    }
}
