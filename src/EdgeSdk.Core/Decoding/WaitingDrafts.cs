namespace EdgeSdk.Decoding;

/// <summary>Drafts that wait for their place: at most one a place, within a ring of <see cref="Verifier.MostWaiting"/> places.</summary>
internal sealed class WaitingDrafts
{
    private const int None = -1;

    private readonly int[] places = new int[Verifier.MostWaiting], tokens = new int[Verifier.MostWaiting];
    private int count;

    public WaitingDrafts() => places.AsSpan().Fill(None);

    /// <summary>Keeps a draft; false where it takes the place of another, which is lost.</summary>
    public bool Add(int place, int token)
    {
        int slot = place % Verifier.MostWaiting;
        bool free = places[slot] == None;
        (places[slot], tokens[slot]) = (place, token);
        count += free ? 1 : 0;
        return free;
    }

    /// <summary>Takes the draft for a place out.</summary>
    public bool TryTake(int place, out int token)
    {
        int slot = place % Verifier.MostWaiting;
        token = tokens[slot];
        if (places[slot] != place)
            return false;

        places[slot] = None;
        count--;
        return true;
    }

    /// <summary>How many drafts wait for the places from <paramref name="place"/> on without a gap, up to <paramref name="most"/>.</summary>
    public int Row(int place, int most)
    {
        int row = 0;
        while (row < most && places[(place + row) % Verifier.MostWaiting] == place + row)
            row++;

        return row;
    }

    /// <summary>Drops what does not wait for one of the places that the ring holds from <paramref name="place"/> on; gives how many.</summary>
    public int KeepFrom(int place)
    {
        int before = count;
        for (int slot = 0; slot < places.Length; slot++)
        {
            if (places[slot] != None && (uint)(places[slot] - place) >= Verifier.MostWaiting)
                TryTake(places[slot], out _);
        }

        return before - count;
    }

    /// <summary>Drops all; gives how many.</summary>
    public int Clear()
    {
        int dropped = count;
        if (count > 0)
            places.AsSpan().Fill(None);

        count = 0;
        return dropped;
    }
}
