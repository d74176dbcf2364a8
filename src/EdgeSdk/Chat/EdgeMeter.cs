using System.Diagnostics.Metrics;

namespace EdgeSdk.Chat;

/// <summary>The meter <c>EdgeSdk</c>: what Microsoft.Extensions.AI's own telemetry does not know.</summary>
internal sealed class EdgeMeter : IDisposable
{
    private readonly Meter _meter;
    private readonly Counter<long> _route, _drafted, _accepted, _passes;

    public EdgeMeter(IMeterFactory? factory)
    {
        _meter = factory?.Create("EdgeSdk") ?? new Meter("EdgeSdk");
        _route = _meter.CreateCounter<long>("edge.route", "{answer}", "Answers, by who wrote them.");
        _drafted = _meter.CreateCounter<long>("edge.speculation.drafted", "{token}", "Drafts that the device sent.");
        _accepted = _meter.CreateCounter<long>("edge.speculation.accepted", "{token}", "Drafts that became part of an answer.");
        _passes = _meter.CreateCounter<long>("edge.server.passes", "{pass}", "Forward passes of the server that gave tokens.");
    }

    /// <summary>Counts an answer.</summary>
    public void Count(EdgeReport report)
    {
        _route.Add(1, new KeyValuePair<string, object?>("edge.route", report.Route.ToString()));
        _drafted.Add(report.Drafted);
        _accepted.Add(report.Accepted);
        _passes.Add(report.ServerPasses);
    }

    public void Dispose() => _meter.Dispose();
}
