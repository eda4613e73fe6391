"""Comments that accept a finding, and those that don't."""

import time

from fastapi import APIRouter

router = APIRouter()


@router.get("/accepted")
async def accepted() -> None:
    time.sleep(0.001)  # review: accept blocking-call: a driver needs that pause, and none is shorter


@router.get("/accepted-above")
async def accepted_above() -> None:
    # review: accept blocking-call: a driver needs that pause, and none is shorter
    time.sleep(0.001)


@router.get("/no-reason")
async def no_reason() -> None:
    # finds 1 below: acceptance
    time.sleep(1)  # review: accept blocking-call


@router.get("/in-vain")
async def in_vain() -> None:
    # finds 1 below: acceptance
    return  # review: accept blocking-call: it was slow once


@router.get("/another")
async def another() -> None:
    # finds 3 below: blocking-call
    # finds 1 below: acceptance
    # review: accept everything: I am in a hurry
    time.sleep(1)
