using EdgeSdk.Protocol;

namespace EdgeSdk.Remote;

/// <summary>Frames on their way out. Drafts that follow one another while the connection is busy go out as one frame.</summary>
/// <remarks>Thread-safe, one taker.</remarks>
internal sealed class Outbox : IDisposable
{
    /// <summary>Drafts in one frame, at most.</summary>
    public const int DraftsPerFrame = 64;

    /// <summary>Frames that wait, at most: beyond it the oldest drafts are dropped, since a stalled connection makes them late anyhow.</summary>
    public const int MostWaiting = 16;

    private readonly LinkedList<DeviceFrame> _frames = [];
    private readonly SemaphoreSlim _filled = new(0, 1);
    private readonly Lock _lock = new();

    /// <summary>Adds drafts for the places from <paramref name="place"/> on.</summary>
    public void Add(int place, ReadOnlySpan<int> ids, int heard)
    {
        lock (_lock)
        {
            for (int i = 0; i < ids.Length; i++)
                DraftFrameFor(place + i, heard).Ids.Add(ids[i]);

            Signal();
        }
    }

    /// <summary>Adds a frame of another kind.</summary>
    public void Add(DeviceFrame frame)
    {
        lock (_lock)
        {
            _frames.AddLast(frame);
            Signal();
        }
    }

    /// <summary>Drops the drafts that wait: the connection that they were for is gone.</summary>
    public void DropDrafts()
    {
        lock (_lock)
        {
            for (var node = _frames.First; node is not null;)
            {
                var next = node.Next;
                if (node.Value.FrameCase == DeviceFrame.FrameOneofCase.Draft)
                    _frames.Remove(node);

                node = next;
            }
        }
    }

    /// <summary>The next frame, waiting for one; null once <paramref name="ended"/> is cancelled.</summary>
    public async ValueTask<DeviceFrame?> TakeAsync(CancellationToken ended)
    {
        while (!ended.IsCancellationRequested)
        {
            lock (_lock)
            {
                if (_frames.First is { } first)
                {
                    _frames.RemoveFirst();
                    return first.Value;
                }
            }

            try
            {
                await _filled.WaitAsync(ended).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                break;
            }
        }

        return null;
    }

    public void Dispose() => _filled.Dispose();

    private Draft DraftFrameFor(int place, int heard)
    {
        if (_frames.Last?.Value.Draft is { } last && last.Ids.Count < DraftsPerFrame && last.Heard == heard && last.Place + last.Ids.Count == place)
            return last;

        if (_frames.Count >= MostWaiting && _frames.FirstOrDefault(f => f.FrameCase == DeviceFrame.FrameOneofCase.Draft) is { } oldest)
            _frames.Remove(oldest);

        var draft = new Draft { Place = place, Heard = heard };
        _frames.AddLast(new DeviceFrame { Draft = draft });
        return draft;
    }

    private void Signal()
    {
        if (_filled.CurrentCount == 0)
            _filled.Release();
    }
}
