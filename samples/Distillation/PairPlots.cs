using System.Globalization;
using System.Text.Json.Nodes;
using ScottPlot;
using ScottPlot.Plottables;
using ScottPlot.TickGenerators;

namespace EdgeSdk.Distillation;

/// <summary>The plots of docs/pair.md.</summary>
internal static class PairPlots
{
    private const int Width = 720, Height = 440;

    private static readonly string[] s_runs = ["R(1)", "R(2)", "R(4)", "R(8)", "all_positions"];

    /// <summary>Draws all of them.</summary>
    /// <returns>The files.</returns>
    public static IEnumerable<JsonNode> Draw(string folder, Measured measured)
    {
        JsonObject found = measured.Evaluation;
        JsonNode agreement = found["agreement"]!, classes = found["margin"]!["classes"]!;
        yield return Save(ByPosition(agreement["by_position"]!.AsArray()), "agreement-by-position");
        yield return Save(ByKind(agreement["by_kind"]!.AsObject()), "agreement-by-kind");
        yield return Save(ByMargin(classes.AsArray()), "agreement-by-margin");
        yield return Save(Calibration(classes.AsArray()), "calibration");
        yield return Save(Routing(found["routing"]!), "routing");
        if (measured.Bench("40") is { Count: > 0 } atForty) yield return Save(Network([.. measured.Bench("default").Where(row => row.Step != atForty[0].Step), .. atForty]), "network");

        JsonNode Save(Plot plot, string name)
        {
            string path = Path.Combine(folder, name + ".png");
            plot.SavePng(path, Width, Height);
            return path;
        }
    }

    private static Plot ByPosition(JsonArray classes)
    {
        var plot = Empty("Agreement by position in the turn", "token of the server's turn", "share of places that agree");
        double[] x = [.. classes.Select((_, i) => (double)i)];
        Line(plot, x, Column(classes, "agree"), "");
        string Label(JsonNode? c) => (int)c!["first"]! == (int)c["last"]! ? $"{c["first"]}" : $"{c["first"]}-{c["last"]}";
        plot.Axes.Bottom.TickGenerator = new NumericManual(x, [.. classes.Select(Label)]);
        plot.Axes.SetLimits(-0.3, x.Length - 0.7, 0, 1);
        return plot;
    }

    private static Plot ByKind(JsonObject kinds)
    {
        var plot = Empty("Agreement by kind of turn", "", "share");
        int group = kinds.Count + 1;
        foreach (((string kind, JsonNode? runs), int k) in kinds.Select((kind, k) => (kind, k)))
        {
            BarPlot bars = plot.Add.Bars([.. s_runs.Select((_, i) => (double)((i * group) + k))], [.. s_runs.Select(name => Number(runs![name]))]);
            bars.LegendText = $"{kind} ({runs!["turns"]} turns)";
        }

        double[] centres = [.. s_runs.Select((_, i) => (i * group) + ((kinds.Count - 1) / 2.0))];
        plot.Axes.Bottom.TickGenerator = new NumericManual(centres, [.. s_runs.Select(name => name.Replace('_', ' '))]);
        plot.Axes.SetLimits(-1, s_runs.Length * group, 0, 1);
        plot.ShowLegend(Alignment.UpperCenter, Orientation.Horizontal);
        return plot;
    }

    private static Plot ByMargin(JsonArray classes)
    {
        var plot = Empty("Agreement by the device's margin", "margin: best logit minus second best (median of a tenth of the places)", "share of places that agree");
        Line(plot, Column(classes, "median"), Column(classes, "agree"), "test");
        Line(plot, Column(classes, "median"), Column(classes, "predicted"), "foretold from dev");
        plot.Axes.SetLimitsY(0, 1.02);
        plot.ShowLegend(Alignment.LowerRight);
        return plot;
    }

    private static Plot Calibration(JsonArray classes)
    {
        var plot = Empty("Calibration of the margin", "chance of agreement foretold from the margin", "share of places that agree");
        Diagonal(plot, 1, "perfect");
        Line(plot, Column(classes, "predicted"), Column(classes, "agree"), "test, ten classes");
        plot.Axes.SetLimits(0, 1.02, 0, 1.02);
        plot.ShowLegend(Alignment.LowerRight);
        return plot;
    }

    private static Plot Routing(JsonNode routing)
    {
        var plot = Empty("Auto on test: what staying on the device costs", "share of turns kept on the device", "share of the server's worth lost");
        JsonNode oracle = routing["oracle"]!;
        double[] kept = Row(oracle["kept"]!);
        double all = Row(oracle["lost"]!)[^1];
        Diagonal(plot, all, "by chance");
        foreach (JsonNode? rule in routing["by_tokens"]!.AsArray())
        {
            if ((int)rule!["tokens"]! is not (1 or 8 or 32)) continue;
            Line(plot, Row(rule["curve"]!["kept"]!), Row(rule["curve"]!["lost"]!), $"first {rule["tokens"]} tokens");
        }

        Line(plot, kept, Row(oracle["lost"]!), "oracle");
        Marker chosen = plot.Add.Marker(Number(routing["chosen"]!["kept"]), Number(routing["chosen"]!["lost"]), MarkerShape.OpenCircle, 14);
        chosen.LegendText = "the default";
        plot.Axes.SetLimits(0, 1, Math.Min(-0.05, -all / 2), Math.Max(0.1, all * 1.3));
        plot.ShowLegend(Alignment.UpperLeft);
        return plot;
    }

    private static Plot Network(BenchRow[] rows)
    {
        var plot = Empty("Time together, as a share of the server's alone", "round trip", "together / alone");
        int[] roundTrips = [.. rows.Select(row => row.RoundTrip).Distinct().Order()];
        foreach (var line in rows.GroupBy(row => (row.Step, row.Temperature)))
        {
            BenchRow[] points = [.. line.OrderBy(row => row.RoundTrip)];
            double[] x = [.. points.Select(row => (double)Array.IndexOf(roundTrips, row.RoundTrip))];
            Scatter measured = Line(plot, x, [.. points.Select(row => row.Ratio)], string.Create(CultureInfo.InvariantCulture, $"a server's step of {line.Key.Step} ms, T = {line.Key.Temperature}"));
            Scatter predicted = Line(plot, x, [.. points.Select(row => row.Predicted / row.Plain)], "");
            (predicted.Color, predicted.LinePattern, predicted.MarkerSize) = (measured.Color, LinePattern.Dashed, 0);
        }

        Scatter anyPrediction = Line(plot, [double.NaN], [double.NaN], "predicted");
        (anyPrediction.Color, anyPrediction.LinePattern, anyPrediction.MarkerSize) = (Colors.Gray, LinePattern.Dashed, 0);
        plot.Axes.Bottom.TickGenerator = new NumericManual([.. roundTrips.Select((_, i) => (double)i)], [.. roundTrips.Select(roundTrip => $"{roundTrip} ms")]);
        plot.Axes.SetLimits(-0.3, roundTrips.Length - 0.7, 0, 1.1);
        plot.ShowLegend(Alignment.LowerRight);
        return plot;
    }

    private static Plot Empty(string title, string x, string y)
    {
        var plot = new Plot();
        plot.Title(title);
        plot.XLabel(x);
        plot.YLabel(y);
        return plot;
    }

    private static Scatter Line(Plot plot, double[] x, double[] y, string legend)
    {
        Scatter line = plot.Add.Scatter(x, y);
        line.LineWidth = 2;
        line.LegendText = legend;
        return line;
    }

    private static void Diagonal(Plot plot, double end, string legend)
    {
        LinePlot line = plot.Add.Line(0, 0, 1, end);
        line.LinePattern = LinePattern.Dashed;
        line.Color = Colors.Gray;
        line.LegendText = legend;
    }

    private static double[] Column(JsonArray rows, string name) => [.. rows.Select(row => Number(row![name]))];

    private static double[] Row(JsonNode row) => [.. row.AsArray().Select(Number)];

    private static double Number(JsonNode? figure) => figure is null ? double.NaN : (double)figure;
}
