namespace EdgeSdk.Decoding;

/// <summary>Drafts that wait for their place: at most one a place, within a ring of <see cref="Verifier.MostWaiting"/> places.</summary>
internal sealed class WaitingDrafts
{
    private const int None = -1;

    private readonly int[] _places = new int[Verifier.MostWaiting], _tokens = new int[Verifier.MostWaiting];
    private int _count;

    public WaitingDrafts() => _places.AsSpan().Fill(None);

    /// <summary>Keeps a draft; false where it takes the place of another, which is lost.</summary>
    public bool Add(int place, int token)
    {
        int slot = place % Verifier.MostWaiting;
        bool free = _places[slot] == None;
        (_places[slot], _tokens[slot]) = (place, token);
        _count += free ? 1 : 0;
        return free;
    }

    /// <summary>Takes the draft for a place out.</summary>
    public bool TryTake(int place, out int token)
    {
        int slot = place % Verifier.MostWaiting;
        token = _tokens[slot];
        if (_places[slot] != place)
            return false;

        _places[slot] = None;
        _count--;
        return true;
    }

    /// <summary>How many drafts wait for the places from <paramref name="place"/> on without a gap, up to <paramref name="most"/>.</summary>
    public int Row(int place, int most)
    {
        int row = 0;
        while (row < most && _places[(place + row) % Verifier.MostWaiting] == place + row)
            row++;

        return row;
    }

    /// <summary>Drops what does not wait for one of the places that the ring holds from <paramref name="place"/> on; gives how many.</summary>
    public int KeepFrom(int place)
    {
        int before = _count;
        for (int slot = 0; slot < _places.Length; slot++)
        {
            if (_places[slot] != None && (uint)(_places[slot] - place) >= Verifier.MostWaiting)
                TryTake(_places[slot], out _);
        }

        return before - _count;
    }

    /// <summary>Drops all; gives how many.</summary>
    public int Clear()
    {
        int dropped = _count;
        if (_count > 0)
            _places.AsSpan().Fill(None);

        _count = 0;
        return dropped;
    }
}
