using System.CommandLine;
using EdgeSdk.Modeling;

namespace EdgeSdk.Cli.Commands;

/// <summary><c>edge convert</c>: a checkpoint to a model folder.</summary>
internal static class ConvertCommand
{
    public static Command Create(Terminal terminal)
    {
        var source = new Argument<string>("SOURCE") { Description = "A Hugging Face checkpoint: config.json, safetensors, tokenizer files" };
        var destination = new Argument<string>("OUT") { Description = "The folder to make; it appears whole or not at all" };
        var format = new Option<string>("--to") { Description = "The format", DefaultValueFactory = _ => "onnx" }.AcceptOnlyFromAmong("onnx");
        var precision = new Option<string>("--precision") { Description = "The arithmetic; the weights stay as they are", DefaultValueFactory = _ => "fp32" }.AcceptOnlyFromAmong("fp32");
        var force = new Option<bool>("--force") { Description = "Replace OUT where it exists" };
        var command = new Command("convert", "Make a model folder that runs from a checkpoint.") { source, destination, format, precision, force };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            string made = parsed.GetRequiredValue(destination);
            var options = new ConvertOptions { Precision = ConvertPrecision.Fp32, Force = parsed.GetValue(force) };
            var warnings = new List<string>();
            var progress = new Immediate<ConvertProgress>(step =>
            {
                if (step.IsWarning)
                {
                    warnings.Add(step.Message);
                    terminal.Warn(step.Message);
                }
                else
                {
                    terminal.Note(step.Message);
                }
            });
            try
            {
                await Converter.ConvertAsync(parsed.GetRequiredValue(source), made, options, progress, cancellationToken).ConfigureAwait(false);
            }
            catch (EdgeException e) when (e.Code == EdgeErrorCode.InvalidArgument)
            {
                // What stands in the way lies on the disk, not in the command line.
                throw new IOException(e.Message, e);
            }

            if (parsed.GetValue(SharedOptions.Json))
            {
                terminal.Json(json =>
                {
                    json.WriteString("model", Path.GetFullPath(made));
                    json.WriteStartArray("warnings");
                    warnings.ForEach(json.WriteStringValue);
                    json.WriteEndArray();
                });
            }
            else
            {
                terminal.Out.WriteLine(Path.GetFullPath(made));
            }
        });
        return command.WithExamples("edge convert checkpoints/qwen3 models/device --to onnx --precision fp32");
    }
}
