using EdgeSdk.Protocol;
using EdgeSdk.Remote;

namespace EdgeSdk.Tests.Remote;

public sealed class OutboxTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Drafts_that_follow_one_another_share_a_frame()
    {
        using var outbox = new Outbox();
        outbox.Add(7, [1], heard: 5);
        outbox.Add(8, [2, 3], heard: 5);
        outbox.Add(10, [4], heard: 6);
        outbox.Add(12, [5], heard: 6);

        Assert.Equal(
            new List<Draft> { new() { Place = 7, Heard = 5, Ids = { 1, 2, 3 } }, new() { Place = 10, Heard = 6, Ids = { 4 } }, new() { Place = 12, Heard = 6, Ids = { 5 } } },
            await TakeAsync(outbox, 3));
    }

    [Fact]
    public async Task A_frame_has_at_most_64_drafts()
    {
        using var outbox = new Outbox();
        outbox.Add(1, new int[150], heard: 1);

        var frames = await TakeAsync(outbox, 3);

        Assert.Equal([(1, 64), (65, 64), (129, 22)], frames.Select(frame => (frame.Place, frame.Ids.Count)));
    }

    [Fact]
    public async Task What_a_stalled_connection_leaves_waiting_is_bounded()
    {
        using var outbox = new Outbox();
        for (int i = 0; i < 1000; i++)
            outbox.Add(2 * i, [i], heard: 0);

        var frames = await TakeAsync(outbox, Outbox.MostWaiting);

        Assert.Equal(2 * 999, frames[^1].Place);
        Assert.Equal(2 * (1000 - Outbox.MostWaiting), frames[0].Place);
    }

    [Fact]
    public async Task A_cancel_outlives_the_connection_that_its_drafts_were_for()
    {
        using var outbox = new Outbox();
        outbox.Add(1, [1], heard: 1);
        outbox.Add(new DeviceFrame { Cancel = new() { LastPlace = -1 } });
        outbox.DropDrafts();

        Assert.NotNull((await outbox.TakeAsync(Cancellation))!.Cancel);
    }

    [Fact]
    public async Task Taking_ends_where_it_is_told_to()
    {
        using var outbox = new Outbox();
        using var ended = new CancellationTokenSource();
        var taking = outbox.TakeAsync(ended.Token).AsTask();
        await ended.CancelAsync();

        Assert.Null(await taking);
        outbox.Add(1, [1], heard: 1);
        Assert.NotNull(await outbox.TakeAsync(Cancellation));
    }

    private static async Task<List<Draft>> TakeAsync(Outbox outbox, int count)
    {
        var drafts = new List<Draft>();
        for (int i = 0; i < count; i++)
            drafts.Add((await outbox.TakeAsync(Cancellation))!.Draft);

        return drafts;
    }
}
